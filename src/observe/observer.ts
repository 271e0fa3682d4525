import type { ChunkReceipt } from '../store/store.ts'

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

/** Which events were asked for; times of receipt in milliseconds since 1970. */
export interface ReplayFilter {
  readonly handler?: string
  readonly state?: string
  readonly type?: string
  readonly from?: number
  readonly to?: number
  readonly event?: string
}

/**
 * One function per thing that happens; each holds its log line and its counters, and never throws.
 * No argument may hold personal data or a secret.
 */
export interface Observer {
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
    type: string
    attempt: number
    outcome: 'done' | 'retry' | 'dead' | 'released'
    durationMs: number
    error: string | undefined
  }): void
  handlerStarted(fact: { handler: string; pid: number }): void
  /** Its process ended, or its module could not be loaded. */
  handlerEnded(fact: { handler: string; reason: string; isPlanned: boolean }): void
  /** A line the handler wrote: through `log`, or to stdout or stderr. */
  handlerWrote(fact: {
    handler: string
    level: 'debug' | 'info' | 'warn' | 'error'
    text: string
    fields?: Readonly<Record<string, unknown>>
  }): void
  /** Lines dropped because the handler wrote too many. */
  handlerOutputDropped(fact: { handler: string; lines: number }): void
  storeFailed(fact: { code: string; detail: string }): void
  storeRecovered(): void
  pruned(fact: { rows: number }): void
  /** The admin listener answered 500 or 503. `route` is its pattern, never an address with values. */
  adminFailed(fact: { route: string; error: unknown }): void
  /** The audit trail of replays: who asked, for which events, and how many jobs became pending. */
  replayed(fact: { address: string; filter: ReplayFilter; jobs: number }): void
  counts(): ObservedCounts
}
