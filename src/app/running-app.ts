import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { type Settings, SettingsError } from '../config.ts'
import type { ReceiverError } from '../errors.ts'
import type { HandlerRegistration, Redaction } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import type { Closers } from './stopping.ts'

export interface AppParts {
  readonly settings: Settings
  readonly log: Logger
  readonly version: string
  /** What handlers' processes get, less our own settings. Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv
  /** False where no load balancer has to learn that we go: a stop then needs no drain. Default true. */
  readonly isBehindBalancer?: boolean
  /** Handlers are loaded again whenever their code changes, for who writes them. Default false. */
  readonly followsCode?: boolean
  /** How long what we work on is ours when we fall silent. Only tests change it. Default 60 s. */
  readonly leaseMs?: number
  /** Milliseconds since 1970, of the thread that answers. Only tests change it. Default Date.now. */
  readonly now?: () => number
  /** Between two looks for what a person is needed for. Only tests change it. Default 10 s. */
  readonly lookEveryMs?: number
}

export interface ReloadOptions {
  /** Handlers whose settings are the same are loaded again too. */
  readonly isCodeNew: boolean
  /** With an entry in the audit trail. Default true. */
  readonly isAudited?: boolean
}

export interface App {
  /**
   * Resolves when requests are answered. Rejects with a ReceiverError, or because it was stopped
   * meanwhile, and has stopped then.
   */
  start(): Promise<RunningApp>
  /**
   * Takes sources, secrets, certificate, handlers and log level from `settings`, while requests
   * are answered and jobs run. What of it cannot be taken keeps nothing else from being taken;
   * resolves with a sentence for each. Never rejects.
   */
  reload(settings: Settings, options: ReloadOptions): Promise<readonly string[]>
  /** Stops in the order of the flow, in less than 9 s; a start under way ends. */
  stop(): Promise<void>
  /** Stops at once, also during `stop`; what is acknowledged stays, what runs will run again. */
  stopNow(): Promise<void>
  /** Resolves when the receiver cannot go on, because the disk lost what was written to it. */
  readonly failed: Promise<ReceiverError>
}

export interface RunningApp {
  readonly publicUrl: string
  readonly adminUrl: string | undefined
  readonly handlers: readonly HandlerRegistration[]
}

/** Takes what has changed; answers what it did not take. */
type Reloader = (
  settings: Settings,
  options: ReloadOptions,
) => readonly string[] | Promise<readonly string[]>

/** What the parts of the composition share. */
export interface Composition {
  readonly settings: Settings
  /** What handlers' processes get, less our own settings. */
  readonly env: NodeJS.ProcessEnv | undefined
  readonly followsCode: boolean
  readonly receives: boolean
  /** By the settings taken last; undefined: everything is kept. */
  readonly redaction: () => Redaction | undefined
  readonly observer: Observer
  readonly closers: Closers
  readonly reloaders: Reloader[]
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What `pick` makes of the settings taken last. */
export function follow<Value>(
  { settings, reloaders }: Pick<Composition, 'settings' | 'reloaders'>,
  pick: (settings: Settings) => Value,
): () => Value {
  let value = pick(settings)
  reloaders.push((fresh) => {
    value = pick(fresh)
    return []
  })
  return () => value
}

/**
 * Each part takes what is new to it, also when another fails: what that one did not take is then
 * among the sentences too.
 */
export async function takeSettings(
  reloaders: readonly Reloader[],
  fresh: Settings,
  options: ReloadOptions,
): Promise<readonly string[]> {
  const takings = reloaders.map(async (take) => take(fresh, options))
  const ends = await Promise.allSettled(takings)
  return ends.flatMap((end) => (end.status === 'fulfilled' ? end.value : explain(end.reason)))
}

function explain(error: unknown): string[] {
  if (error instanceof SettingsError) {
    return error.problems.map((one) => `${one.setting} ${one.problem}. ${one.remedy}`)
  }
  return [error instanceof Error ? error.message : String(error)]
}

/** A UUID of version 7: its first 48 bits are the time, so that ids sort by it. */
export function newBatchId(now: number): string {
  const time = now.toString(16).padStart(12, '0')
  // What follows the digit of the version is the same in version 4, which Node makes from a stock.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

const GIVE_ADDRESS = 'Give an address of this machine, such as 0.0.0.0 for all.'
const GIVE_OTHER = 'Give another of this machine, such as 0.0.0.0 for all.'
const GIVE_OWN = 'Give one that it has, such as 0.0.0.0 for all.'

/** By the system's code: which setting is wrong, in what, and how to mend it. */
const PROBLEMS: Readonly<Record<string, readonly ['host' | 'port', string, string]>> = {
  ENOTFOUND: ['host', 'a name of no machine', GIVE_ADDRESS],
  EAI_AGAIN: ['host', 'a name that no name server could be asked for', GIVE_ADDRESS],
  EADDRNOTAVAIL: ['host', 'no address of this machine', GIVE_OWN],
  EINVAL: ['host', 'no address that can be listened on', GIVE_OTHER],
  EAFNOSUPPORT: ['host', 'an address of a kind that this machine does not have', GIVE_OWN],
  EACCES: ['port', 'a port on which this user may not listen', 'Give one above 1023.'],
}

/**
 * The error of a listener that could not begin, as a SettingsError where only another setting mends
 * it. A port that somebody has may be free at the next start.
 */
export function explainListening(
  error: unknown,
  listener: {
    readonly host: string
    readonly port: number
    readonly names: Record<'host' | 'port', string>
  },
): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  const [kind, what, remedy] = PROBLEMS[code] ?? []
  if (kind === undefined) return error
  const problem = `is ${listener[kind]}, ${what} (${code})`
  return new SettingsError([{ setting: listener.names[kind], problem, remedy: String(remedy) }])
}
