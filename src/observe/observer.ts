import type { ChunkReceipt, StoreCommit } from '../store/store.ts'

/** Why a request was refused; the client is told less. */
export const REFUSAL_REASONS = [
  'unknown_source',
  'wrong_method',
  'address',
  'basic_auth',
  'token',
  'signature_shape',
  'signature',
  'empty_body',
  'too_large',
  'too_slow',
  'aborted',
  'malformed',
  'overloaded',
  'store',
  'internal',
] as const
export type RefusalReason = (typeof REFUSAL_REASONS)[number]

/** Facts counted since this process started. */
export interface ObservedCounts {
  readonly received: Readonly<Record<string, number>>
  readonly refused: Readonly<Record<RefusalReason, number>>
  readonly handlers: Readonly<Record<string, HandlerHealth>>
}

export interface HandlerHealth {
  readonly running: boolean
  readonly restarts: number
  readonly lastProblem: string | undefined
}

export interface LatencyFigures {
  readonly count: number
  /** In milliseconds; undefined when nothing was measured. */
  readonly p50: number | undefined
  readonly p95: number | undefined
  readonly p99: number | undefined
  readonly max: number | undefined
}

export interface AttemptCounts {
  readonly done: number
  readonly retry: number
  readonly dead: number
}

export const RECENT_MINUTES = 60

/** What this process did in the last hour, minute by minute; the oldest minute first. */
export interface RecentFigures {
  /** When the first minute began. */
  readonly from: number
  /** Answers to authentic requests: from their first byte to the durable commit. */
  readonly ack: { readonly all: LatencyFigures; readonly minutes: readonly LatencyFigures[] }
  readonly attempts: Readonly<Record<string, readonly AttemptCounts[]>>
}

/** Which events were asked for; times of receipt in milliseconds since 1970. */
export interface ReplayFilter {
  readonly handler?: string
  readonly state?: string
  readonly type?: string
  readonly from?: number
  readonly to?: number
  readonly event?: string
}

/** What happens to the spool, which keeps batches while a shared store cannot. */
export interface SpoolObserver {
  /** The store takes no batches; from now on they go to the spool. */
  spoolBegan(fact: { code: string; detail: string }): void
  /** The store takes batches again; those in the spool follow. */
  spoolEnded(fact: { waiting: number }): void
  /** Nothing waits any more. `durationMs` since the first of them came, or since the start. */
  spoolDrained(fact: { batches: number; durationMs: number }): void
  /** Batches of an earlier run were found at the start. */
  spoolFound(fact: { batches: number }): void
  /** The store will never take this one; it stays in the spool, and those behind it go on. */
  spoolRefused(fact: { batch: string; detail: string }): void
  /** The spool's file cannot be used: it was moved to `file`, and a new one begun. */
  spoolSetAside(fact: { file: string; code: string; detail: string }): void
  /** The spool cannot keep batches: while the store is away too, they are answered 503. */
  spoolFailed(fact: { code: string; detail: string }): void
  spoolRecovered(): void
  /** Batches wait, and little room is left for more. */
  spoolFilling(fact: { usedPercent: number; waiting: number }): void
  /** The spool's directory ends with its container. */
  spoolAtRisk(fact: { directory: string }): void
  /** The receiver stops; these batches go on after the next start with the same directory. */
  spoolLeft(fact: { batches: number }): void
}

/** A webhook of the provider that leads to this receiver. */
export interface GuardedWebhook {
  readonly id: number
  readonly source: string
  readonly isPaused: boolean
  /** In what else it is not as it should be, as sentences. */
  readonly differences: readonly string[]
}

/** Something wrong between this receiver and its webhooks at the provider. */
export interface WebhookProblem {
  readonly webhook: number | undefined
  readonly source: string | undefined
  readonly text: string
}

/** How near an outage of ours is, or was, to where the provider pauses the webhook. */
export interface OutageFigures {
  readonly beganAt: number
  readonly durationMs: number
  readonly retriesUsed: number
  readonly retriesLimit: number
}

/** What the guardian knows at this moment; times in milliseconds since 1970. */
export interface GuardianFigures {
  /** When the provider answered last; undefined: not yet. */
  readonly lookedAt: number | undefined
  /** Why the last look failed. */
  readonly failure: string | undefined
  readonly webhooks: readonly GuardedWebhook[]
  readonly problems: readonly WebhookProblem[]
  /** Webhooks resumed since the start. */
  readonly resumed: number
  /** The outage that goes on. */
  readonly outage: OutageFigures | undefined
  /** The one before. */
  readonly lastOutage: OutageFigures | undefined
}

/** What happens to the guardian, which watches our webhooks at the provider. */
export interface GuardianObserver {
  /** Told when they change, and again each hour while they last. */
  webhooksWrong(fact: { problems: readonly WebhookProblem[] }): void
  webhooksRight(fact: { webhooks: number }): void
  webhookResumed(fact: { webhook: number; source: string }): void
  /** The provider could not be asked, or refused. */
  guardianFailed(fact: { code: string; detail: string; nextLookMs: number }): void
  /** Our outage is over; it cost so many of the provider's retries. */
  outageEnded(fact: OutageFigures): void
  /** When it goes on, the provider will pause the webhook. */
  outageNearsLimit(fact: OutageFigures): void
}

/**
 * One function per thing that happens; each holds its log line and its counters, and never throws.
 * No argument may hold personal data or a secret.
 */
export interface Observer extends SpoolObserver, GuardianObserver {
  batchReceived(fact: {
    batch: string
    source: string
    bytes: number
    /** From the first byte of the request to the durable commit. */
    ackMs: number
    /** 0 is the newest secret. */
    secretPosition: number
  }): void
  requestRefused(fact: {
    source: string | undefined
    reason: RefusalReason
    status: number
    address?: string
    /** Only for `internal`: what failed here, for the operator. */
    detail?: string
  }): void
  batchUnpacked(fact: {
    batch: string
    source: string
    durationMs: number
    receipt: ChunkReceipt
  }): void
  unpackFailed(fact: { batch: string; error: string }): void
  attemptEnded(fact: {
    handler: string
    event: string
    /** With which the event came. */
    batch: string
    type: string
    attempt: number
    outcome: 'done' | 'retry' | 'dead' | 'released'
    durationMs: number
    error: string | undefined
  }): void
  handlerStarted(fact: { handler: string; pid: number }): void
  /** Its process ended, or its module could not be loaded: then `pid` is undefined. */
  handlerEnded(fact: {
    handler: string
    pid: number | undefined
    reason: string
    isPlanned: boolean
  }): void
  /** It is in the settings no more, or under another name. One that has a process stays known. */
  handlerForgotten(fact: { handler: string }): void
  /** A line the handler wrote: through `log`, or to stdout or stderr. */
  handlerWrote(fact: {
    handler: string
    level: 'debug' | 'info' | 'warn' | 'error'
    text: string
    fields?: Readonly<Record<string, unknown>>
  }): void
  /** Lines dropped because the handler wrote too many. */
  handlerOutputDropped(fact: { handler: string; lines: number }): void
  /** Only a figure: there are hundreds a second. */
  storeCommitted(fact: StoreCommit): void
  storeFailed(fact: { code: string; detail: string }): void
  storeRecovered(): void
  pruned(fact: { rows: number }): void
  /** Spans did not reach their collector, or were too many for it. */
  tracesFailed(fact: { detail: string }): void
  /** The admin listener answered 500 or 503. `route` is its pattern, never an address with values. */
  adminFailed(fact: { route: string; error: unknown }): void
  /** The audit trail of replays: who asked, for which events, and how many jobs became pending. */
  replayed(fact: { address: string; filter: ReplayFilter; jobs: number }): void
  /** A person was removed, and what of; see `ErasureReport`. */
  erased(fact: {
    address: string
    events: number
    pieces: number
    errors: number
    files: number
    waiting: number
    isWiped: boolean
  }): void
  /** A handler was paused, or resumed, for all replicas. */
  handlerPaused(fact: { address: string; handler: string; isPaused: boolean }): void
  /** A piece left quarantine to be read again, as this batch. */
  pieceRequeued(fact: { address: string; piece: string; batch: string }): void
  /** Somebody gave the password to the page, or a wrong one. */
  signedIn(fact: { address: string; isRight: boolean }): void
  counts(): ObservedCounts
  /** The last hour of this process. */
  recent(): RecentFigures
}

/** Hears of some of what happens. */
export type ObserverListener = Partial<Omit<Observer, 'counts'>>
