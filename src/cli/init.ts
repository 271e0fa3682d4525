import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { makeFolder } from '../make-folder.ts'
import { packageFile } from '../own-files.ts'
import { type CommandContext, CommandFailure } from './command.ts'
import { printAnswer, safeText } from './terminal.ts'

/** As they stand in `fixtures/init`, and what each is. */
const FILES: Readonly<Record<string, string>> = {
  'handlers/hard-bounces.ts': 'a handler',
  'handlers/hard-bounces.test.ts': 'its test, for vitest',
  'receiver.yaml': 'settings',
  Dockerfile: 'an image with both',
}

const EXAMPLES = `
Examples:
  mailtrap-receiver init
  mailtrap-receiver init webhooks

Makes a handler, its test, a settings file and a Dockerfile. Overwrites nothing.`

export function initCommand(context: CommandContext): Command {
  return new Command('init')
    .argument('[folder]', 'where', '.')
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action((folder: string) => init(folder, context))
}

async function init(folder: string, context: CommandContext): Promise<void> {
  const files = Object.keys(FILES)
  const there = files.filter((name) => existsSync(join(folder, name)))
  if (there.length > 0) throw refuse(folder, there.join(', '))
  for (const name of files) await make(folder, name)
  await printAnswer(context, { folder, files }, () => describeFiles(folder))
}

async function make(folder: string, name: string): Promise<void> {
  const path = join(folder, name)
  // As `hard-bounces-test.ts`: the package holds nothing that a runner would take for a test.
  const text = await readFile(packageFile(`fixtures/init/${name.replace('.test.', '-test.')}`))
  try {
    makeFolder(dirname(path))
    await writeFile(path, text, { flag: 'wx' })
  } catch (error) {
    const { code = 'unknown error', syscall } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && syscall === 'open') throw refuse(folder, name)
    throw new CommandFailure(
      `${safeText(path)} could not be written (${code}). Give a folder that this user may write to.`,
      { cause: error },
    )
  }
}

function refuse(folder: string, names: string): CommandFailure {
  return new CommandFailure(
    `In ${folder} there is ${names} already, and nothing is overwritten. Give another folder, or move that away.`,
  )
}

function describeFiles(folder: string): string {
  const files = Object.entries(FILES).map(
    ([name, purpose]) => `  ${safeText(join(folder, name)).padEnd(34)} ${purpose}`,
  )
  const steps = [
    ...(folder === '.' ? [] : [`cd ${safeText(folder)}`]),
    'npx mailtrap-receiver check --dev --config receiver.yaml',
    'npx vitest run --dir handlers',
    'npx mailtrap-receiver serve --dev --config receiver.yaml',
  ]
  return ['Made:', ...files, '', 'Next:', ...steps.map((step) => `  ${step}`)].join('\n')
}
