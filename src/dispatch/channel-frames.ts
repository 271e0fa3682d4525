import { z } from 'zod'
import { MAX_KEY_CHARACTERS, MAX_KEYS } from '../handlers/event-keys.ts'
import type { ClaimedJob } from '../model.ts'

/**
 * What parent and child tell each other over their pipe: one JSON object a line. Jobs go by tokens,
 * small integers that the parent hands out, so that a child can end only what it was given.
 */

/** A job as the child sees it. It learns nothing of the store's ids. */
export interface TokenJob extends Omit<ClaimedJob, 'event' | 'fence' | 'batch'> {
  readonly token: number
  /** To be run while no other runs. */
  readonly isAlone: boolean
}

/** Written out: this is done for every job, and copying all fields but one costs ten times as much. */
export function toTokenJob(job: ClaimedJob, token: number, isAlone: boolean): TokenJob {
  return {
    token,
    isAlone,
    handler: job.handler,
    attempt: job.attempt,
    provider: job.provider,
    source: job.source,
    type: job.type,
    name: job.name,
    key: job.key,
    receivedAt: job.receivedAt,
    occurredAt: job.occurredAt,
    payload: job.payload,
  }
}

/** Parent to child. */
export interface ParentFrame {
  /** Queue these. */
  readonly run?: readonly TokenJob[]
  /** Abort the signals of these. */
  readonly abort?: readonly number[]
  /** Give back what has not started, finish what runs, then exit. */
  readonly stop?: true
}

/** What the child needs besides the module; given as its second argument, in JSON. */
export interface HostSettings {
  /** Attempts at once; for `onBatch`, calls at once. Default: see `chooseConcurrency`. */
  readonly concurrency: number | undefined
  readonly timeoutMs: number
}

/** An `onBatch` handler has its concurrency within. */
export function chooseConcurrency(given: number | undefined, takesBatches: boolean): number {
  return given ?? (takesBatches ? 1 : 10)
}

/** Of one frame. Each may be of 20 kB and more, however short its text was before it was escaped. */
export const MAX_FAILURES = 25
export const MAX_LOGS = 25
/** More than fit into the hands of a process. */
const MAX_TOKENS = 100_000

const text = z.string().max(20_000)
/** Stops at the first fault, where a schema would collect one for each of its items. */
const tokens = z.custom<number[]>(
  (value) =>
    Array.isArray(value) && value.length <= MAX_TOKENS && value.every(Number.isSafeInteger),
)

/** Counted before its items are looked at, for the same reason. */
function list<Item extends z.ZodType>(item: Item, max: number) {
  return z
    .custom<unknown[]>((value) => Array.isArray(value) && value.length <= max)
    .pipe(z.array(item))
}

/** Child to parent; any fields together. */
export const childFrame = z.strictObject({
  /** The module is loaded. First frame of a good start. */
  ready: z
    .strictObject({
      name: z.string().min(1).max(200),
      keys: list(z.string().max(MAX_KEY_CHARACTERS), MAX_KEYS),
      takesBatches: z.boolean(),
    })
    .optional(),
  /** The module cannot be used: it is `invalid` by our rules, or would not `load`. */
  failed: z
    .strictObject({ kind: z.enum(['invalid', 'load']), problems: list(text, 100) })
    .optional(),
  /** About to run. Told before they run, so that a crash is put to the right account. */
  started: tokens.optional(),
  done: tokens.optional(),
  failures: list(
    z.strictObject({ token: z.int(), kind: z.enum(['retry', 'dead']), error: text }),
    MAX_FAILURES,
  ).optional(),
  /** Not started, and never will be: the answer to `stop`. */
  returned: tokens.optional(),
  logs: list(
    z.strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']),
      text,
      fields: z.record(z.string(), z.unknown()).optional(),
    }),
    MAX_LOGS,
  ).optional(),
  droppedLogs: z.int().min(1).optional(),
  /** Why the process is about to end by itself. */
  ending: text.optional(),
})

export type ChildFrame = z.infer<typeof childFrame>
export type ReadyFacts = NonNullable<ChildFrame['ready']>
export type LoadFailure = NonNullable<ChildFrame['failed']>
