import type { ClaimedJob } from '../model.ts'
import type { BatchItem } from './define-handler.ts'
import { describeError } from './describe-error.ts'
import type { AttemptInfo, HandlerMeans } from './handler-context.ts'
import type { EventKey } from './handler-events.ts'
import type { LoadedHandler } from './loaded-handler.ts'
import { isPermanentError } from './permanent-error.ts'
import { readEvent } from './read-event.ts'

/** What is needed of a job to run it. `key` is the event's deduplication key. */
export type AttemptJob = Omit<ClaimedJob, 'event' | 'fence' | 'batch'>

/** How an attempt ended. The error is at most 2,000 characters. */
export type AttemptEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly error: string }
  | { readonly kind: 'dead'; readonly error: string }

const DONE: AttemptEnd = { kind: 'done' }
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
    const { matched, event, original } = readEvent(handler.keys, job)
    // Object.assign: a spread of three objects took 6 µs per event, more than all else here.
    const context = Object.assign(describeJob(job), means, { handler: job.handler, original })
    await handler.on[matched]?.(event as never, context)
    return DONE
  } catch (thrown) {
    return toFailedEnd(thrown)
  }
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
      readable.push(toItem(handler, job))
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
  means: HandlerMeans,
): Promise<(id: string) => AttemptEnd> {
  if (items.length === 0) return () => DONE
  try {
    const context = { ...means, handler: handler.name }
    const answer = await handler.onBatch?.([...items] as never, context)
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

function toItem(handler: LoadedHandler, job: AttemptJob): BatchItem<EventKey> {
  const read = readEvent(handler.keys, job)
  return Object.assign(describeJob(job), read, { id: job.key }) as BatchItem<EventKey>
}

function describeJob(job: AttemptJob): Omit<AttemptInfo, 'original'> {
  return {
    attempt: job.attempt,
    idempotencyKey: `${job.handler}:${job.key}`,
    provider: job.provider,
    source: job.source,
    type: job.type,
    name: job.name,
    receivedAt: new Date(job.receivedAt),
    occurredAt: job.occurredAt === undefined ? undefined : new Date(job.occurredAt),
    payload: job.payload,
  }
}

function toFailedEnd(thrown: unknown): AttemptEnd {
  return { kind: isPermanentError(thrown) ? 'dead' : 'retry', error: describeError(thrown) }
}
