import { relative } from 'node:path'
import { Command } from 'commander'
import { handlerEnvironment, type Settings, showTarget } from '../config.ts'
import { HandlerProcess } from '../dispatch/process/handler-process.ts'
import { DEFAULT_LIMITS } from '../dispatch/process/spawn-host.ts'
import { ReceiverError } from '../errors.ts'
import { DEFAULT_PROVIDER, type HandlerSettings } from '../model.ts'
import { type CommandContext, describeError, wrongSettings } from './command.ts'
import { readCommandSettings } from './command-settings.ts'
import {
  describeFacts,
  formatCounted,
  type Paint,
  printAnswer,
  safeLines,
  safeText,
} from './terminal.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver check --config receiver.yaml
  HANDLERS=./src/handlers mailtrap-receiver check --json

Opens no port, changes nothing and touches no event. Exit code 78 when something is wrong.`

export function checkCommand(context: CommandContext): Command {
  return new Command('check')
    .option('--config <file>', 'settings in YAML (default: CONFIG_FILE)')
    .option('--dev', 'as for serve --dev: a signing secret may be missing')
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action((options: { readonly dev?: boolean }) => check(options, context))
}

async function check({ dev = false }: { dev?: boolean }, context: CommandContext): Promise<void> {
  // Not as for serve --dev: that would make the secret.
  const settings = readCommandSettings({ isSourceOptional: dev }, context)
  const [handlers, store] = await Promise.all([
    checkHandlers(settings, context),
    checkStore(settings),
  ])
  context.stopped.throwIfAborted()
  const wrong = handlers.filter(({ problems }) => problems.length > 0).length
  const isOk = wrong === 0 && store.isUsable
  const { warnings } = settings
  const usable = { usable: store.isUsable, problem: store.problem ?? null }
  const answer = { ok: isOk, warnings, store: usable, handlers }
  await printAnswer(context, answer, (paint) => describeCheck(settings, { handlers, store }, paint))
  if (isOk) return
  const parts = [
    ...(wrong > 0 ? [formatCounted(wrong, 'handler')] : []),
    ...(store.isUsable ? [] : ['the store']),
  ]
  throw wrongSettings(`${parts.join(' and ')} cannot be used; what is wrong stands above.`)
}

/** What became of loading one handler module. */
interface CheckedHandler {
  readonly module: string
  /** Where it takes its events; null for a module. */
  readonly target: string | null
  /** Undefined when it could not be loaded. */
  readonly name: string | undefined
  readonly keys: readonly string[]
  readonly takes_batches: boolean
  /** Empty: it can be used. */
  readonly problems: readonly string[]
  /** The last lines that it wrote while it was loaded. */
  readonly output: readonly string[]
}

const MAX_OUTPUT_LINES = 20

/** Loads every handler module in a process of its own, and ends it. */
async function checkHandlers(settings: Settings, { env, stopped }: CommandContext) {
  const childEnv = handlerEnvironment(settings, env)
  const loading = settings.handlers.map((handler) => load(handler, childEnv, stopped))
  const checked = await Promise.all(loading)
  return refuseSharedNames(checked)
}

function load(
  handler: HandlerSettings,
  env: Readonly<Record<string, string>>,
  stopped: AbortSignal,
): Promise<CheckedHandler> {
  type Facts = Pick<CheckedHandler, 'name' | 'keys' | 'takes_batches'>
  let facts: Facts = { name: undefined, keys: [], takes_batches: false }
  const output: string[] = []
  return new Promise((resolve) => {
    const child = new HandlerProcess(
      { handler, env, limits: DEFAULT_LIMITS },
      {
        onReady({ name, keys, takesBatches }) {
          facts = { name, keys, takes_batches: takesBatches }
          // It is ready only once this call has returned.
          setImmediate(() => child.stop())
          return undefined
        },
        onLine: ({ text }) => {
          output.push(text)
          if (output.length > MAX_OUTPUT_LINES) output.shift()
        },
        onEnds: () => {},
        onCode: () => {},
        onLinesDropped: () => {},
        onRoom: () => {},
        onLoadingLong: () => {},
        onExit: ({ failure }) => {
          resolve({
            module: handler.module,
            target: handler.builtIn ? showTarget(handler.builtIn) : null,
            ...facts,
            problems: failure?.problems ?? [],
            output,
          })
        },
      },
    )
    stopped.addEventListener('abort', () => child.kill('it was still loading'))
  })
}

/** Jobs are kept under the handler's name, so no two may have the same. */
function refuseSharedNames(handlers: readonly CheckedHandler[]): CheckedHandler[] {
  return handlers.map((handler) => {
    const twin = handlers.find((other) => other !== handler && other.name === handler.name)
    if (handler.name === undefined || twin === undefined) return handler
    const problem = `Its name ${handler.name} is also that of ${twin.module}. Give one of them another.`
    return { ...handler, problems: [...handler.problems, problem] }
  })
}

interface CheckedStore {
  /** True also for a database that is only away. */
  readonly isUsable: boolean
  /** What the opening ran into. */
  readonly problem?: string
}

/** A database that is away hinders no start: batches then go to the spool. */
async function checkStore(settings: Settings): Promise<CheckedStore> {
  // Loaded here, as the drivers take their time.
  const { tryStore } = await import('../store/inspect-store.ts')
  try {
    await tryStore(settings)
    return { isUsable: true }
  } catch (error) {
    const isAway = error instanceof ReceiverError && error.code === 'store_busy'
    return { isUsable: isAway, problem: describeError(error) }
  }
}

/** What a start would find, for people. Shows no secret. */
function describeCheck(
  settings: Settings,
  { handlers, store }: { handlers: readonly CheckedHandler[]; store: CheckedStore },
  paint: Paint,
): string {
  const sources = settings.sources.map(
    ({ name, provider, secrets }) =>
      `POST /webhooks/${name}, ${provider}, ${formatCounted(secrets.length, 'secret')}`,
  )
  if (sources.length === 0 && settings.role !== 'work') {
    sources.push(
      `POST /webhooks/${DEFAULT_PROVIDER}, ${DEFAULT_PROVIDER}, the secret of serve --dev`,
    )
  }
  const { admin } = settings
  const password = admin?.password === undefined ? 'no password' : 'with a password'
  const facts = describeFacts(paint, [
    ...sources.map((text) => ['source', text] as const),
    ['listens', `${settings.host} port ${settings.port}`],
    ['admin', admin ? `${admin.host} port ${admin.port}, ${password}` : 'off'],
    ['store', settings.storeLabel],
    ['', store.problem],
    ...settings.warnings.map((warning) => ['warning', warning] as const),
  ])
  return `${facts}\n${handlers.map((handler) => describeHandler(handler, paint)).join('')}`
}

function describeHandler(handler: CheckedHandler, paint: Paint): string {
  const { name, module, target, keys, problems, output } = handler
  const to = target === null ? '' : `\n    to ${safeText(target)}`
  // Short for modules below the current folder.
  const path = relative('.', module)
  const short = module.startsWith('/') && !path.startsWith('..') ? path : module
  const place = `${safeText(short)}${to}`
  if (problems.length === 0) {
    const manner = handler.takes_batches ? ', in batches' : ''
    return `${paint('green', '✓')} ${paint('bold', safeText(name ?? ''))}  ${place}\n    ${safeText(keys.join(', '))}${manner}\n`
  }
  const lines = [...problems, ...output.map((text) => `it wrote: ${text}`)]
  const details = lines
    .map((text) => `    ${safeLines(text).replaceAll('\n', '\n    ')}\n`)
    .join('')
  const title = name ? `${paint('bold', safeText(name))}  ${place}` : paint('bold', place)
  return `${paint('red', '✗')} ${title}\n${details}`
}
