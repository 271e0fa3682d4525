import { Command, CommanderError } from 'commander'
import type { Environment } from '../config/environment.ts'
import { SettingsError } from '../config/problems.ts'
import { ReceiverError } from '../errors.ts'
import { findNearestWord } from '../nearest-word.ts'
import {
  type CommandContext,
  CommandFailure,
  describeError,
  EXIT_CODES,
  type ExitCode,
  type ProcessContext,
  readVersion,
  type SharedOptions,
} from './command.ts'
import { createPaint, safeLines } from './terminal.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver demo          see it work, nothing to set up
  mailtrap-receiver serve --dev   run it on this machine, with a secret made for you
  mailtrap-receiver send --count 100
  mailtrap-receiver <command> --help

Exit codes: 0 ok, 1 failed, 2 wrong use, 78 wrong settings.`

/** In the order of the help. */
const SUMMARIES = {
  serve: 'run the receiver; the default',
  demo: 'see it work: a receiver with example handlers is sent signed samples',
  send: 'sign batches and post them: files, stdin or generated events',
  simulate: 'stand in for Mailtrap and MailingAPI: webhooks, events, retries, outages',
  init: 'make a first handler, its test, a settings file and a Dockerfile',
  webhooks: 'see and change the webhooks that the provider has for you',
  check: 'check settings, open the store and load every handler, as a start would',
  doctor: 'check a receiver from the outside: address, certificate, answers, store',
  events: 'list events of a running receiver, newest first',
  jobs: 'list jobs of a running receiver: one event to be run by one handler',
  handlers: 'list the handlers of a running receiver, pause one, let it go on',
  quarantine: 'list what was authentic but could not be read',
  replay: 'run jobs again: makes those that match pending',
  erase: 'remove a person from everything a running receiver keeps',
  prune: 'forget by age now, instead of within the hour',
  audit: 'list what people had a running receiver do, newest first',
  alert: 'try whether alerts arrive where ALERT_URL leads',
  backfill: 'ask Mailtrap’s e-mail log what happened, and put in what the receiver lacks',
  stats: 'show what a running receiver received, handled, refused and quarantined',
  backup: 'copy the SQLite database into a new file, also under load',
  migrate: 'copy everything from SQLite to PostgreSQL, to run several replicas',
  completion: 'print what has a shell complete commands, options and their values',
}

type CreateCommand = (context: CommandContext) => Command

/** A command is loaded when it is run, or its own help is asked for. */
const COMMANDS: Readonly<Record<keyof typeof SUMMARIES, () => Promise<CreateCommand>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  demo: async () => (await import('./demo.ts')).demoCommand,
  send: async () => (await import('./send.ts')).sendCommand,
  simulate: async () => (await import('./simulate.ts')).simulateCommand,
  init: async () => (await import('./init.ts')).initCommand,
  webhooks: async () => (await import('./webhooks.ts')).webhooksCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  events: async () => (await import('./events.ts')).eventsCommand,
  jobs: async () => (await import('./jobs.ts')).jobsCommand,
  handlers: async () => (await import('./handlers.ts')).handlersCommand,
  quarantine: async () => (await import('./quarantine.ts')).quarantineCommand,
  replay: async () => (await import('./jobs.ts')).replayCommand,
  erase: async () => (await import('./upkeep.ts')).eraseCommand,
  prune: async () => (await import('./upkeep.ts')).pruneCommand,
  audit: async () => (await import('./audit.ts')).auditCommand,
  alert: async () => (await import('./alert.ts')).alertCommand,
  backfill: async () => (await import('./backfill.ts')).backfillCommand,
  stats: async () => (await import('./stats.ts')).statsCommand,
  backup: async () => (await import('./backup.ts')).backupCommand,
  migrate: async () => (await import('./migrate.ts')).migrateCommand,
  completion: async () => (await import('./completion.ts')).completionCommand,
}
const DEFAULT_COMMAND = 'serve'
const WITHOUT_SETTINGS: ReadonlySet<string> = new Set(['demo', 'init', 'completion'])

/** Runs the command that `argv` asks for; answers the exit code. Never rejects. */
export async function runProgram(
  argv: readonly string[],
  context: ProcessContext,
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

async function createProgram(argv: readonly string[], context: ProcessContext): Promise<Command> {
  const program = new Command('mailtrap-receiver')
    .description('The server behind your Mailtrap webhook URL.')
    .version(readVersion(), '-V, --version', 'print the version')
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES)
  const isWanted = findWanted(argv)
  const own = followOptions(program, context)
  for (const [name, load] of Object.entries(COMMANDS)) {
    const command = isWanted(name) ? (await load())(own) : new Command(name)
    command.description(SUMMARIES[name as keyof typeof SUMMARIES])
    program.addCommand(command, { isDefault: name === DEFAULT_COMMAND })
  }
  prepare(program, context, '')
  return program
}

/** The same, with the options of the command that runs; its `--config` is the variable `CONFIG_FILE`. */
function followOptions(program: Command, context: ProcessContext): CommandContext {
  let options: SharedOptions = {}
  program.hook('preAction', (_program, command) => {
    refuseOverlooked(command)
    options = command.opts()
    // A `.env` that cannot be read may say which receiver is meant: nobody guesses.
    if (!WITHOUT_SETTINGS.has(command.name())) context.readEnvironment()
  })
  const withConfig = (env: Environment['env']) =>
    options.config === undefined ? env : { ...env, CONFIG_FILE: options.config }
  return {
    ...context,
    get options() {
      return options
    },
    get env() {
      return withConfig(context.env)
    },
    readEnvironment() {
      const { env, file } = context.readEnvironment()
      return { env: withConfig(env), file }
    },
  }
}

/** Which commands are run, or tell of themselves; of the others name and summary are enough. */
function findWanted(argv: readonly string[]): (name: string) => boolean {
  // `help stats` is about the same command as `stats`.
  const [word] = argv[0] === 'help' ? argv.slice(1) : argv
  // It tells of all of them.
  if (argv[0] === 'completion') return () => true
  if (word !== undefined && !word.startsWith('-')) return (name) => name === word
  const isOfAll = argv.some((one) => ['help', '-h', '--help', '-V', '--version'].includes(one))
  return (name) => name === DEFAULT_COMMAND && !isOfAll
}

/** Every command writes where the context says, ends by throwing, and hints at its help. */
function prepare(command: Command, context: ProcessContext, parents: string): void {
  const name = `${parents}${command.name()}`
  const { stdout, stderr } = context
  command
    .exitOverride()
    .showHelpAfterError(`Try: ${name} --help`)
    .helpOption('-h, --help', 'show this help')
    // On narrow terminals, too, descriptions stay beside what they describe.
    .configureHelp({ minWidthToWrap: 20 })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      getOutHelpWidth: () => stdout.columns || 100,
      getErrHelpWidth: () => stderr.columns || 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
  if (command.commands.length > 0) {
    command.helpCommand('help [command]', 'show the help of a command')
  }
  for (const child of command.commands) prepare(child, context, `${name} `)
}

/**
 * What a command would pass over: an option in front of its name, `jobs --handler crm retry`, which is the
 * list's, and an argument without any text, as of a shell's variable that is not set.
 */
function refuseOverlooked(command: Command): void {
  const { parent, args } = command
  const early = parent?.options.find(
    (option) => parent.getOptionValueSource(option.attributeName()) === 'cli',
  )
  if (early) {
    command.error(`error: option '${early.flags}' stands before ${command.name()}: give it behind`)
  }
  if (args.includes('')) command.error('error: an argument is empty: give it a text')
}

/**
 * Without this, a misspelt command would be taken for an argument of the default one, and a
 * misspelt `show` for an argument of the list.
 */
function refuseUnknownCommand(program: Command, argv: readonly string[]): void {
  let command = program
  for (const word of argv) {
    // About whatever follows it.
    if (word === 'help') continue
    if (word.startsWith('-') || command.commands.length === 0) return
    const found = command.commands.find((child) => child.name() === word)
    if (!found) {
      const names = ['help', ...command.commands.map((child) => child.name())]
      const similar = findNearestWord(word, names)
      const hint = similar ? `. Did you mean ${similar}?` : ''
      return command.error(`error: unknown command '${word}'${hint}`)
    }
    command = found
  }
}

function reportError(
  error: unknown,
  { stderr, env, stopped, isJson }: ProcessContext & { readonly isJson: boolean },
): ExitCode {
  // Commander has told it already, or it was only asked for help.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage
  }
  // Whatever it was that waited.
  const isCut = stopped.aborted && error instanceof Error && error.name === 'AbortError'
  const message = isCut ? 'Stopped before it had ended, as asked.' : describeError(error)
  const code = error instanceof ReceiverError ? error.code : 'failed'
  const problems = error instanceof SettingsError ? { problems: error.problems } : undefined
  const text = isJson
    ? JSON.stringify({ error: code, message, ...problems })
    : `${createPaint(stderr, env)('red', 'error:')} ${safeLines(message)}`
  stderr.write(`${text}\n`)
  if (error instanceof CommandFailure) return error.exitCode
  const isConfiguration = problems ?? ['invalid_settings', 'invalid_handler'].includes(code)
  return isConfiguration ? EXIT_CODES.configuration : EXIT_CODES.failed
}
