import { Command, CommanderError } from 'commander'
import { SettingsError } from '../config.ts'
import { ReceiverError } from '../errors.ts'
import { findNearestWord } from '../nearest-word.ts'
import { backupCommand } from './backup.ts'
import { checkCommand } from './check.ts'
import type { CommandContext } from './command-context.ts'
import { CommandFailure, EXIT_CODES, type ExitCode } from './command-failure.ts'
import { demoCommand } from './demo.ts'
import { describeError } from './describe-error.ts'
import { doctorCommand } from './doctor.ts'
import { eraseCommand } from './erase.ts'
import { eventsCommand } from './events.ts'
import { jobsCommand } from './jobs.ts'
import { migrateCommand } from './migrate.ts'
import { pruneCommand } from './prune.ts'
import { quarantineCommand } from './quarantine.ts'
import { readVersion } from './read-version.ts'
import { replayCommand } from './replay.ts'
import { sendCommand } from './send.ts'
import { serveCommand } from './serve.ts'
import { simulateCommand } from './simulate.ts'
import { statsCommand } from './stats.ts'
import { createPaint } from './terminal/paint.ts'
import { safeLines } from './terminal/safe-text.ts'
import { webhooksCommand } from './webhooks.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver demo          see it work, nothing to set up
  mailtrap-receiver serve --dev   run it on this machine, with a secret made for you
  mailtrap-receiver send --count 100
  mailtrap-receiver <command> --help

Exit codes: 0 ok, 1 failed, 2 wrong use, 78 wrong settings.`

/** Runs the command that `argv` asks for; answers the exit code. Never rejects. */
export async function runProgram(
  argv: readonly string[],
  context: CommandContext,
): Promise<ExitCode> {
  const program = createProgram(context)
  try {
    refuseUnknownCommand(program, argv)
    await program.parseAsync([...argv], { from: 'user' })
    return EXIT_CODES.ok
  } catch (error) {
    return reportError(error, { ...context, isJson: argv.includes('--json') })
  }
}

function createProgram(context: CommandContext): Command {
  const program = new Command('mailtrap-receiver')
    .description('The server behind your Mailtrap webhook URL.')
    .version(readVersion(), '-V, --version', 'print the version')
    .enablePositionalOptions()
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', EXAMPLES)
    .addCommand(serveCommand(context), { isDefault: true })
    .addCommand(demoCommand(context))
    .addCommand(sendCommand(context))
    .addCommand(simulateCommand(context))
    .addCommand(webhooksCommand(context))
    .addCommand(checkCommand(context))
    .addCommand(doctorCommand(context))
    .addCommand(eventsCommand(context))
    .addCommand(jobsCommand(context))
    .addCommand(quarantineCommand(context))
    .addCommand(replayCommand(context))
    .addCommand(eraseCommand(context))
    .addCommand(pruneCommand(context))
    .addCommand(statsCommand(context))
    .addCommand(backupCommand(context))
    .addCommand(migrateCommand(context))
  prepare(program, context, '')
  return program
}

/** Every command writes where the context says, ends by throwing, and hints at its help. */
function prepare(command: Command, context: CommandContext, parents: string): void {
  const name = `${parents}${command.name()}`
  const { stdout, stderr } = context
  command
    .exitOverride()
    .showHelpAfterError(`Try: ${name} --help`)
    .helpOption('-h, --help', 'show this help')
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
  for (const child of command.commands) prepare(child, context, `${name} `)
}

/**
 * Without this, a misspelt command would be taken for an argument of the default one, and a
 * misspelt `show` for an argument of the list.
 */
function refuseUnknownCommand(program: Command, [first, ...others]: readonly string[]): void {
  const words = first === undefined ? [] : first === 'help' ? others : [first, ...others]
  let command = program
  for (const word of words) {
    if (word.startsWith('-') || command.commands.length === 0) return
    const found = command.commands.find((child) => child.name() === word)
    if (!found) return refuseWord(word, command)
    command = found
  }
}

function refuseWord(word: string, command: Command): void {
  const similar = findNearestWord(word, ['help', ...command.commands.map((child) => child.name())])
  command.error(`error: unknown command '${word}'${similar ? `. Did you mean ${similar}?` : ''}`)
}

interface ReportMeans extends CommandContext {
  readonly isJson: boolean
}

function reportError(error: unknown, { stderr, env, isJson }: ReportMeans): ExitCode {
  // Commander has told it already, or it was only asked for help.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage
  }
  if (isJson) stderr.write(`${JSON.stringify(errorJson(error))}\n`)
  else
    stderr.write(
      `${createPaint(stderr, env)('red', 'error:')} ${safeLines(describeError(error))}\n`,
    )
  return exitCodeOf(error)
}

function errorJson(error: unknown) {
  const problems = error instanceof SettingsError ? { problems: error.problems } : {}
  const code = error instanceof ReceiverError ? error.code : 'failed'
  return { error: code, message: describeError(error), ...problems }
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandFailure) return error.exitCode
  const isConfiguration =
    error instanceof SettingsError ||
    (error instanceof ReceiverError && ['invalid_settings', 'invalid_handler'].includes(error.code))
  return isConfiguration ? EXIT_CODES.configuration : EXIT_CODES.failed
}
