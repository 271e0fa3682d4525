import type { ProviderName } from '../model.ts'
import type { BatchItem } from './define-handler.ts'
import type { AttemptInfo, EventKey, HandlerContext, HandlerMeans } from './handler-context.ts'
import { describeError, isPermanentError, retryAfterMs } from './handler-errors.ts'

import type { LoadedHandler, ReadEvent, StoredEvent } from './read-event.ts'

/** What is needed of an event to run it. */
export interface AttemptJob extends StoredEvent {
  readonly source: string
  /** The event's deduplication key, as text. */
  readonly key: string
  /** 1 for the first attempt. */
  readonly attempt: number
  readonly receivedAt: number
}

/** How an attempt ended. The error is at most 2,000 characters. */
export type AttemptEnd =
  | { readonly kind: 'done' }
  /** `afterMs`: not to be tried again sooner. */
  | { readonly kind: 'retry'; readonly error: string; readonly afterMs?: number | undefined }
  | { readonly kind: 'dead'; readonly error: string }

export const DONE: AttemptEnd = { kind: 'done' }
/** Taken before a handler's module can patch it. */
const { defineProperty } = Object

const RETURNED_AS_FAILED: AttemptEnd = {
  kind: 'retry',
  error: 'onBatch returned its id as failed.',
}

/**
 * Runs one job with a handler that has `on`. Never rejects, whatever the handler throws. It waits
 * for the handler even after `signal` was aborted: whoever aborts decides how long to wait.
 */
export async function runAttempt(
  handler: LoadedHandler,
  job: AttemptJob,
  means: HandlerMeans,
): Promise<AttemptEnd> {
  try {
    await callHandler(handler, job, means)
    return DONE
  } catch (thrown) {
    return toFailedEnd(thrown)
  }
}

/** Calls the function that takes the event; answers and throws what it does. */
export function callHandler(handler: LoadedHandler, job: AttemptJob, means: HandlerMeans): unknown {
  const read = handler.read(job)
  return handler.on[read.matched]?.(
    read.event as never,
    new EventContext(handler.name, job, read, means),
  )
}

/**
 * Runs up to 500 jobs with a handler that has `onBatch`; answers in the order of `jobs`. Never
 * rejects and waits, like `runAttempt`.
 */
export async function runBatch(
  handler: LoadedHandler,
  jobs: readonly AttemptJob[],
  means: HandlerMeans,
): Promise<readonly AttemptEnd[]> {
  const readable: BatchItem<EventKey>[] = []
  const unreadable = new Map<AttemptJob, AttemptEnd>()
  for (const job of jobs) {
    try {
      readable.push(new BatchEntry(handler.name, job, handler.read(job)) as BatchItem<EventKey>)
    } catch (thrown) {
      unreadable.set(job, toFailedEnd(thrown))
    }
  }
  const endOf = await callOnBatch(handler, readable, means)
  return jobs.map((job) => unreadable.get(job) ?? endOf(job.key))
}

/** Answers how the attempt at each id ended. */
async function callOnBatch(
  handler: LoadedHandler,
  items: readonly BatchItem<EventKey>[],
  { log, signal }: HandlerMeans,
): Promise<(id: string) => AttemptEnd> {
  if (items.length === 0) return () => DONE
  try {
    const answer = await handler.onBatch?.([...items] as never, {
      log,
      signal,
      handler: handler.name,
    })
    const failed = readFailedIds(answer, new Set(items.map(({ id }) => id)))
    return (id) => (failed.has(id) ? RETURNED_AS_FAILED : DONE)
  } catch (thrown) {
    const end = toFailedEnd(thrown)
    return () => end
  }
}

/** An answer that makes no sense fails all: better to run an event twice than to lose it. */
function readFailedIds(answer: unknown, known: ReadonlySet<string>): ReadonlySet<unknown> {
  if (answer === undefined) return new Set()
  if (!Array.isArray(answer)) {
    throw new TypeError('onBatch must return nothing, or a list of the ids that failed.')
  }
  if (!answer.every((id) => known.has(id))) {
    throw new TypeError('onBatch returned something else than ids of the items it was given.')
  }
  return new Set(answer)
}

export function toFailedEnd(thrown: unknown): AttemptEnd {
  const error = describeError(thrown)
  if (isPermanentError(thrown)) return { kind: 'dead', error }
  const afterMs = retryAfterMs(thrown)
  return afterMs === undefined ? { kind: 'retry', error } : { kind: 'retry', error, afterMs }
}

/** What is known of an event and of this attempt. */
class KnownOfAttempt implements AttemptInfo {
  readonly attempt: number
  readonly idempotencyKey: string
  readonly provider: ProviderName
  readonly source: string
  readonly type: string
  readonly name: AttemptInfo['name']
  readonly receivedAt: Date
  readonly occurredAt: Date | undefined
  readonly recipient: string | undefined
  readonly messageId: string | undefined
  readonly payload: string
  readonly original: AttemptInfo['original']

  constructor(handler: string, job: AttemptJob, { facts, original }: ReadEvent) {
    this.attempt = job.attempt
    this.idempotencyKey = `${handler}:${job.key}`
    this.provider = job.provider
    this.source = job.source
    this.type = facts.type
    this.name = facts.name
    this.receivedAt = new Date(job.receivedAt)
    this.occurredAt = facts.occurredAt === undefined ? undefined : new Date(facts.occurredAt)
    this.recipient = facts.recipient
    this.messageId = facts.messageId
    this.payload = job.payload
    this.original = original
  }
}

/**
 * The second argument of a function of `on`. All its properties are its own, so that it can be
 * spread and taken apart. The signal is made when it is looked at: most handlers never do, and on
 * Node 20 it costs as much as all else here. The others are cheaper to make than to put off.
 */
class EventContext extends KnownOfAttempt implements HandlerContext {
  readonly handler: string
  readonly log: HandlerMeans['log']
  declare readonly signal: AbortSignal
  readonly #means: HandlerMeans

  constructor(handler: string, job: AttemptJob, read: ReadEvent, means: HandlerMeans) {
    super(handler, job, read)
    this.handler = handler
    this.log = means.log
    this.#means = means
    defineProperty(this, 'signal', EventContext.#signal)
  }

  /** One for all contexts: with a getter of its own each would be of a shape of its own. */
  static readonly #signal = {
    get(this: EventContext): AbortSignal {
      return this.#means.signal
    },
    enumerable: true,
    configurable: true,
  }
}

class BatchEntry extends KnownOfAttempt {
  readonly id: string
  readonly matched: string
  readonly event: unknown

  constructor(handler: string, job: AttemptJob, read: ReadEvent) {
    super(handler, job, read)
    this.id = job.key
    this.matched = read.matched
    this.event = read.event
  }
}
