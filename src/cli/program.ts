import { Command, CommanderError } from 'commander'
import { SettingsError } from '../config/settings-error.ts'
import { ReceiverError } from '../errors.ts'
import { findNearestWord } from '../nearest-word.ts'
import type { CommandContext } from './command-context.ts'
import { CommandFailure, EXIT_CODES, type ExitCode } from './command-failure.ts'
import { describeError } from './describe-error.ts'
import { readVersion } from './read-version.ts'
import { createPaint } from './terminal/paint.ts'
import { safeLines } from './terminal/safe-text.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver demo          see it work, nothing to set up
  mailtrap-receiver serve --dev   run it on this machine, with a secret made for you
  mailtrap-receiver send --count 100
  mailtrap-receiver <command> --help

Exit codes: 0 ok, 1 failed, 2 wrong use, 78 wrong settings.`

type LoadCommand = () => Promise<(context: CommandContext) => Command>

/** In the order of the help. Loaded when asked for: all of them take half a second. */
const COMMANDS: Readonly<Record<string, LoadCommand>> = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  demo: async () => (await import('./demo.ts')).demoCommand,
  send: async () => (await import('./send.ts')).sendCommand,
  simulate: async () => (await import('./simulate.ts')).simulateCommand,
  webhooks: async () => (await import('./webhooks.ts')).webhooksCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  events: async () => (await import('./events.ts')).eventsCommand,
  jobs: async () => (await import('./jobs.ts')).jobsCommand,
  quarantine: async () => (await import('./quarantine.ts')).quarantineCommand,
  replay: async () => (await import('./replay.ts')).replayCommand,
  erase: async () => (await import('./erase.ts')).eraseCommand,
  prune: async () => (await import('./prune.ts')).pruneCommand,
  stats: async () => (await import('./stats.ts')).statsCommand,
  backup: async () => (await import('./backup.ts')).backupCommand,
  migrate: async () => (await import('./migrate.ts')).migrateCommand,
}
const DEFAULT_COMMAND = 'serve'

/** Runs the command that `argv` asks for; answers the exit code. Never rejects. */
export async function runProgram(
  argv: readonly string[],
  context: CommandContext,
): Promise<ExitCode> {
  const program = await createProgram(argv, context)
  try {
    refuseUnknownCommand(program, argv)
    await program.parseAsync([...argv], { from: 'user' })
    return EXIT_CODES.ok
  } catch (error) {
    return reportError(error, { ...context, isJson: argv.includes('--json') })
  }
}

async function createProgram(argv: readonly string[], context: CommandContext): Promise<Command> {
  const program = new Command('mailtrap-receiver')
    .description('The server behind your Mailtrap webhook URL.')
    .version(readVersion(), '-V, --version', 'print the version')
    .enablePositionalOptions()
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', EXAMPLES)
  const isWanted = findWanted(argv)
  for (const [name, load] of Object.entries(COMMANDS)) {
    const command = isWanted(name) ? (await load())(context) : new Command(name)
    program.addCommand(command, { isDefault: name === DEFAULT_COMMAND })
  }
  prepare(program, context, '')
  return program
}

/** Which commands are run, or shown in the help; of the others the name is enough. */
function findWanted(argv: readonly string[]): (name: string) => boolean {
  const [word] = skipHelp(argv)
  if (word !== undefined && !word.startsWith('-')) return (name) => name === word
  if (argv.some((one) => ['help', '-h', '--help'].includes(one))) return () => true
  return (name) => name === DEFAULT_COMMAND && word !== '-V' && word !== '--version'
}

/** `help stats` is about the same command as `stats`. */
const skipHelp = (argv: readonly string[]) => (argv[0] === 'help' ? argv.slice(1) : argv)

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
      getOutHelpWidth: () => stdout.columns || 100,
      getErrHelpWidth: () => stderr.columns || 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
  for (const child of command.commands) prepare(child, context, `${name} `)
}

/**
 * Without this, a misspelt command would be taken for an argument of the default one, and a
 * misspelt `show` for an argument of the list.
 */
function refuseUnknownCommand(program: Command, argv: readonly string[]): void {
  let command = program
  for (const word of skipHelp(argv)) {
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
