import type { StoreCommit } from '../store/store.ts'
import type { OutageFigures, RecentFigures, WebhookProblem } from './figures.ts'

/** Why a request was refused; the client is told less. */
export const REFUSAL_REASONS = [
  'unknown_source',
  'wrong_method',
  'address',
  'address_genuine',
  'basic_auth',
  'token',
  'signature_shape',
  'signature',
  'signature_time',
  'signature_milliseconds',
  'empty_body',
  'too_large',
  'too_slow',
  'aborted',
  'malformed',
  'proxy_protocol',
  'not_tls',
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
  /** What the spool has there cannot be read: it was moved to `file`, and the others go on. */
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

/** What became of the events of one type. `stored` counts the stale ones too. */
export interface TypeReceipt {
  readonly type: string
  stored: number
  duplicates: number
  conflicts: number
  stale: number
}

/** What became of a batch: of all events, of each type that it holds, of pieces. */
export interface BatchReceipt extends Readonly<Omit<TypeReceipt, 'type'>> {
  readonly quarantined: number
  readonly types: readonly Readonly<TypeReceipt>[]
}

/** What happens to alerts on their way. Nothing tells where they go: the address may be a secret. */
export interface AlertObserver {
  alertSent(fact: { cause: string; state: string }): void
  /** It will be sent again. */
  alertFailed(fact: { cause: string; detail: string }): void
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
export interface Observer extends SpoolObserver, GuardianObserver, AlertObserver {
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
    /** How far the signed time is ahead of ours; negative: behind. */
    aheadSeconds?: number
  }): void
  batchUnpacked(fact: {
    batch: string
    source: string
    durationMs: number
    receipt: BatchReceipt
  }): void
  unpackFailed(fact: { batch: string; error: string }): void
  /** Attempts of events that run for the first time have succeeded; there are thousands a second. */
  runProgressed(fact: {
    handler: string
    /** With which the events came. */
    batch: string
    done: number
    /** Of each of them. */
    durationsMs: Uint16Array | readonly number[]
  }): void
  /** An attempt has failed, or one of an event by itself has succeeded. */
  attemptEnded(fact: {
    handler: string
    event: string
    /** With which the event came. */
    batch: string
    type: string
    attempt: number
    outcome: 'done' | 'retry' | 'dead' | 'alone'
    durationMs: number
    error: string | undefined
  }): void
  /** A run was opened three times without an end: its events run one by one from now on. */
  runsCut(fact: { handler: string; events: number }): void
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
    fields?: Readonly<Record<string, unknown>> | undefined
    /** For which attempt, when it was written through `log`: of an event, or of several of one batch. */
    event?: string
    batch?: string
    attempt?: number
  }): void
  /** A file of its code has changed, and it was loaded anew; `problem` says why it could not be. */
  handlerCodeChanged(fact: {
    handler: string
    file: string
    problem: string | undefined
    /** With the new code, or with that from before. */
    isRunning: boolean
  }): void
  /** Lines dropped because the handler wrote too many. */
  handlerOutputDropped(fact: { handler: string; lines: number }): void
  /** Only a figure: there are hundreds a second. */
  storeCommitted(fact: StoreCommit): void
  storeFailed(fact: { code: string; detail: string }): void
  storeRecovered(): void
  /** What is done to it in the background fails again and again; it grows and becomes slow by that. */
  upkeepFailed(fact: { detail: string }): void
  upkeepRecovered(): void
  /** The store works, but somebody should look at it. */
  storeWarned(fact: { detail: string }): void
  pruned(fact: { rows: number }): void
  /** The clock may be wrong, so that nothing is forgotten by age. Times in milliseconds since 1970. */
  pruneHeldBack(fact: { reason: string; clock: number; comparedWith: number }): void
  /** The oldest transaction of anybody in the database; `holder` only of one that takes long. */
  transactionsSeen(fact: {
    oldestMs: number
    holder: { readonly pid: number; readonly application: string } | undefined
  }): void
  /** It holds up vacuum, and so everything that looks through rows which change. */
  transactionForgotten(fact: { pid: number; application: string; ageMs: number }): void
  /** Spans did not reach their collector, or were too many for it. */
  tracesFailed(fact: { detail: string }): void
  /** The admin listener answered 500 or 503. `route` is its pattern, never an address with values. */
  adminFailed(fact: { route: string; error: unknown }): void
  /** The audit trail of replays: who asked, for which events, and how many jobs became pending. */
  replayed(fact: { address: string; filter: ReplayFilter; jobs: number }): void
  /** Dead jobs were settled for good. Why is in the trail: a person wrote it. */
  discarded(fact: { address: string; filter: ReplayFilter; jobs: number }): void
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
