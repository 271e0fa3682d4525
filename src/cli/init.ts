import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { makeFolder } from '../make-folder.ts'
import { type CommandContext, CommandFailure } from './command.ts'
import { printAnswer, safeText } from './terminal.ts'

const HANDLER = `// What becomes of addresses that do not exist. A file here is a handler, and runs in a process of its own.
import { defineHandler } from 'mailtrap-receiver'

export default defineHandler({
  name: 'hard-bounces',
  on: {
    // The same for every provider; \`bounce\` would be Mailtrap's own event, with all of its fields.
    'email.bounced': async (event, { log, idempotencyKey }) => {
      if (event.bounce.permanence !== 'permanent') return
      // Tell your application here. What throws is tried again later; an event may come twice.
      log.info('this address gets no e-mail any more', { idempotencyKey })
    },
  },
})
`

const TEST = `import { runHandler, sampleEvent } from 'mailtrap-receiver/testing'
import { expect, it } from 'vitest'
import handler from './hard-bounces.ts'

it('takes a hard bounce', async () => {
  const run = await runHandler(handler, sampleEvent('bounce', { email: 'ann@example.com' }))
  expect(run).toMatchObject({ outcome: 'done', logs: [{ level: 'info' }] })
})

it('leaves what was delivered to others', async () => {
  const run = await runHandler(handler, sampleEvent('delivery'))
  expect(run.outcome).toBe('unhandled')
})
`

const SETTINGS = `# Settings of mailtrap-receiver, for --config or CONFIG_FILE. Variables of the environment win over them,
# and secrets stay there: MAILTRAP_SIGNING_SECRET makes the source that takes POST /webhooks/mailtrap.
handlers:
  - module: ./handlers/hard-bounces.ts
    timeout: 10s
    retry: [5s, 1m, 10m, 1h]
`

const DOCKERFILE = `# The receiver with your handlers and settings:
#   docker build --tag our-receiver .
# The image mailtrap-receiver is built from the receiver's own repository.
ARG RECEIVER_IMAGE=mailtrap-receiver
FROM \${RECEIVER_IMAGE}
# Whatever the files' modes are in the checkout, user 10001 has to read them.
COPY --chmod=755 handlers /app/handlers
COPY --chmod=644 receiver.yaml /app/receiver.yaml
ENV CONFIG_FILE=/app/receiver.yaml
`

const FILES: Readonly<Record<string, { readonly text: string; readonly purpose: string }>> = {
  'handlers/hard-bounces.ts': { text: HANDLER, purpose: 'a handler' },
  'handlers/hard-bounces.test.ts': { text: TEST, purpose: 'its test, for vitest' },
  'receiver.yaml': { text: SETTINGS, purpose: 'settings' },
  Dockerfile: { text: DOCKERFILE, purpose: 'an image with both' },
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
  for (const [name, { text }] of Object.entries(FILES)) await make(folder, name, text)
  await printAnswer(context, { folder, files }, () => describeFiles(folder))
}

async function make(folder: string, name: string, text: string): Promise<void> {
  const path = join(folder, name)
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
    ([name, { purpose }]) => `  ${safeText(join(folder, name)).padEnd(34)} ${purpose}`,
  )
  const steps = [
    ...(folder === '.' ? [] : [`cd ${safeText(folder)}`]),
    'npx mailtrap-receiver check --dev --config receiver.yaml',
    'npx vitest run --dir handlers',
    'npx mailtrap-receiver serve --dev --config receiver.yaml',
  ]
  return ['Made:', ...files, '', 'Next:', ...steps.map((step) => `  ${step}`)].join('\n')
}
