import { Command, CommanderError } from 'commander'
import { SettingsError } from '../config/settings-error.ts'
import { ReceiverError } from '../errors.ts'
import { findNearestWord } from '../nearest-word.ts'
import {
  type CommandContext,
  CommandFailure,
  describeError,
  EXIT_CODES,
  type ExitCode,
  readVersion,
} from './command.ts'
import { createPaint, safeLines } from './terminal.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver demo          see it work, nothing to set up
  mailtrap-receiver serve --dev   run it on this machine, with a secret made for you
  mailtrap-receiver send --count 100
  mailtrap-receiver <command> --help

Exit codes: 0 ok, 1 failed, 2 wrong use, 78 wrong settings.`

interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<(context: CommandContext) => Command>
}

/** In the order of the help. A command is loaded when it is run, or its own help is asked for. */
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  serve: {
    summary: 'run the receiver; the default',
    load: async () => (await import('./serve.ts')).serveCommand,
  },
  demo: {
    summary:
      'start a receiver with example handlers, send it signed samples, show what comes of it',
    load: async () => (await import('./demo.ts')).demoCommand,
  },
  send: {
    summary: 'sign batches and post them: files, stdin or generated events',
    load: async () => (await import('./send.ts')).sendCommand,
  },
  simulate: {
    summary: 'stand in for Mailtrap and MailingAPI: webhooks, events, retries, outages',
    load: async () => (await import('./simulate.ts')).simulateCommand,
  },
  init: {
    summary: 'make a first handler, its test, a settings file and a Dockerfile',
    load: async () => (await import('./init.ts')).initCommand,
  },
  webhooks: {
    summary: 'see and change the webhooks that the provider has for you',
    load: async () => (await import('./webhooks.ts')).webhooksCommand,
  },
  check: {
    summary: 'check settings, open the store and load every handler, as a start would',
    load: async () => (await import('./check.ts')).checkCommand,
  },
  doctor: {
    summary: 'check a receiver from the outside: address, certificate, answers, store',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  events: {
    summary: 'list events of a running receiver, newest first',
    load: async () => (await import('./events.ts')).eventsCommand,
  },
  jobs: {
    summary: 'list jobs of a running receiver: one event to be run by one handler',
    load: async () => (await import('./jobs.ts')).jobsCommand,
  },
  handlers: {
    summary: 'list the handlers of a running receiver, pause one, let it go on',
    load: async () => (await import('./handlers.ts')).handlersCommand,
  },
  quarantine: {
    summary: 'list what was authentic but could not be read',
    load: async () => (await import('./quarantine.ts')).quarantineCommand,
  },
  replay: {
    summary: 'run jobs again: makes those that match pending',
    load: async () => (await import('./replay.ts')).replayCommand,
  },
  erase: {
    summary: 'remove a person from everything a running receiver keeps',
    load: async () => (await import('./erase.ts')).eraseCommand,
  },
  prune: {
    summary: 'forget by age now, instead of within the hour',
    load: async () => (await import('./prune.ts')).pruneCommand,
  },
  audit: {
    summary: 'list what people had a running receiver do, newest first',
    load: async () => (await import('./audit.ts')).auditCommand,
  },
  alert: {
    summary: 'try whether alerts arrive where ALERT_URL leads',
    load: async () => (await import('./alert.ts')).alertCommand,
  },
  backfill: {
    summary: 'ask Mailtrap’s e-mail log what happened, and put in what the receiver lacks',
    load: async () => (await import('./backfill.ts')).backfillCommand,
  },
  stats: {
    summary: 'show what a running receiver received, handled, refused and quarantined',
    load: async () => (await import('./stats.ts')).statsCommand,
  },
  backup: {
    summary: 'copy the SQLite database into a new file, also under load',
    load: async () => (await import('./backup.ts')).backupCommand,
  },
  migrate: {
    summary: 'copy everything from SQLite to PostgreSQL, to run several replicas',
    load: async () => (await import('./migrate.ts')).migrateCommand,
  },
  completion: {
    summary: 'print what has a shell complete commands, options and their values',
    load: async () => (await import('./completion.ts')).completionCommand,
  },
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
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = isWanted(name) ? (await load())(context) : new Command(name)
    command.description(summary)
    program.addCommand(command, { isDefault: name === DEFAULT_COMMAND })
  }
  prepare(program, context, '')
  return program
}

/** Which commands are run, or tell of themselves; of the others name and summary are enough. */
function findWanted(argv: readonly string[]): (name: string) => boolean {
  const [word] = skipHelp(argv)
  // It tells of all of them.
  if (argv[0] === 'completion') return () => true
  if (word !== undefined && !word.startsWith('-')) return (name) => name === word
  const isOfAll = argv.some((one) => ['help', '-h', '--help', '-V', '--version'].includes(one))
  return (name) => name === DEFAULT_COMMAND && !isOfAll
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
