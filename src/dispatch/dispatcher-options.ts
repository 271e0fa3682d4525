import type { HandlerRegistration } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import type { Store } from '../store/store.ts'

/** What is set for one handler module. */
export interface HandlerSettings {
  /** Absolute path, or `built-in:log`. */
  readonly module: string
  /** Attempts at once; for `onBatch`, calls at once. Default 10; for `onBatch` 1. */
  readonly concurrency?: number | undefined
  /** One attempt. */
  readonly timeoutMs: number
  /** Default: that of `limits`. */
  readonly maxHeapBytes?: number | undefined
  /** Waits between attempts; after the last one the job is dead. */
  readonly retryDelaysMs: readonly number[]
}

/** Limits that hold for every handler's process. */
export interface ProcessLimits {
  /** How long after its timeout an attempt may still end by itself. Default 1 s. */
  readonly graceMs: number
  /** Default 30 s. */
  readonly loadTimeoutMs: number
  /** Default 256 MB. */
  readonly maxHeapBytes: number
  /** What it may hold besides its heap: over it, it is replaced; over twice that, killed. Default 128 MB. */
  readonly memoryMarginBytes: number
  /** After so long a process is replaced. Default 6 h. */
  readonly maxAgeMs: number
  /** After so many jobs a process is replaced. Default 10 million. */
  readonly maxJobs: number
}

export interface DispatcherOptions {
  readonly store: Pick<Store, 'claim' | 'extend' | 'settle' | 'onHint'>
  readonly handlers: readonly HandlerSettings[]
  /** The whole environment of the handlers' processes. Must hold no secret of the receiver. */
  readonly childEnv: Readonly<Record<string, string | undefined>>
  readonly observer: Observer
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  /** From 0 up to, not including, 1. */
  readonly random: () => number
  /** Default 60 s. Leases of attempts under way are extended every third of it. */
  readonly leaseMs?: number
  /** How long `start` waits for modules; those that need longer join later. Default 10 s. */
  readonly startWaitMs?: number
  readonly limits?: Partial<ProcessLimits>
  /** After `start` had answered, a module was loaded that is new, or takes other events than before. */
  readonly onLateRegistration?: (registration: HandlerRegistration) => void
}

/** What is to run from now on. */
export interface ReloadOrder {
  readonly handlers: readonly HandlerSettings[]
  readonly childEnv: Readonly<Record<string, string | undefined>>
  /** Modules whose settings are the same are loaded again too. */
  readonly isCodeNew: boolean
}

export interface StartReport {
  /** Handlers that run. */
  readonly registrations: readonly HandlerRegistration[]
  /** What only the handlers' authors can mend; the receiver must not start. */
  readonly problems: readonly string[]
}

export interface StopLimits {
  /** From the call: how long attempts may go on undisturbed; then their signals are aborted. */
  readonly softMs: number
  /** From the call: then their processes are killed, and their jobs are due again. */
  readonly hardMs: number
}

export interface Dispatcher {
  /** Starts every module's process. Modules that fail to load are tried again and again. */
  start(): Promise<StartReport>
  /**
   * Goes over to other handlers, settings or code while jobs run. A module that cannot be loaded
   * leaves what ran before it running; `problems` says why, a sentence each.
   */
  reload(order: ReloadOrder): Promise<Pick<StartReport, 'problems'>>
  /** Claims nothing more and lets attempts finish. May be called again, to make it quicker. */
  stop(limits: StopLimits): Promise<void>
  /** Outcomes that the store refused, because they came too late. */
  refusedOutcomes(): number
}
