import { createHash } from 'node:crypto'
import type { EventFacts, ProviderName } from '../model.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { parsePayload } from '../providers/read-value.ts'
import type { Handler } from './define-handler.ts'
import { chooseKey } from './event-keys.ts'
import type { HandlerLog } from './handler-context.ts'
import { toLoadedHandler } from './read-event.ts'
import { type AttemptEnd, type AttemptJob, runAttempt, runBatch } from './run-attempt.ts'
import { guessProvider } from './signed-request.ts'

/** What the receiver would know of the attempt, where a test does not leave it to chance. */
export interface RunHandlerOptions {
  /** Default: found out from the event. */
  readonly provider?: ProviderName
  /** Default: the provider's name. */
  readonly source?: string
  /** Default 1. */
  readonly attempt?: number
  /** After it `signal` is aborted and the outcome is `retry`. Default 30,000. */
  readonly timeoutMs?: number
  /** Default: now. */
  readonly receivedAt?: Date
}

/** A line that the handler logged. */
export interface LoggedLine {
  readonly level: keyof HandlerLog
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>> | undefined
}

/** What came of one attempt. `Event`: an event as it was given to `runHandler`. */
export interface HandlerRun<Event> {
  /** `unhandled`: no key takes the event. Of several events the worst outcome, dead before retry. */
  readonly outcome: 'done' | 'retry' | 'dead' | 'unhandled'
  /** The first error, where there was one. */
  readonly error: string | undefined
  /** In the order in which they were logged. */
  readonly logs: readonly LoggedLine[]
  /** Those of the given events that were not done. */
  readonly failed: readonly Event[]
}

/**
 * Makes one attempt as the receiver would: the event as it arrives, the most specific key, the time
 * limit. A handler with `onBatch` takes several events. An event given as text is taken exactly.
 *
 * @example
 * const run = await runHandler(handler, sampleEvent('bounce'))
 * expect(run.outcome).toBe('done')
 */
export async function runHandler<Event extends object | string>(
  handler: Handler,
  event: Event | readonly Event[],
  options: RunHandlerOptions = {},
): Promise<HandlerRun<Event>> {
  const loaded = toLoadedHandler(handler, 'handler')
  const events: readonly Event[] = Array.isArray(event) ? event : [event as Event]
  if (events.length !== 1 && !loaded.takesBatches) {
    throw new TypeError('runHandler: a handler with `on` takes one event at a time.')
  }
  const wanted = events
    .map((given) => ({ given, ...makeJob(given, options) }))
    .filter(({ facts }) => chooseKey(loaded.keys, facts) !== undefined)
  const jobs = wanted.map(({ job }) => job)
  const logs: LoggedLine[] = []
  const ends = await runInTime(options.timeoutMs ?? 30_000, jobs.length, async (signal) => {
    const means = { signal, log: recordLog(logs) }
    if (loaded.takesBatches) return jobs.length === 0 ? [] : runBatch(loaded, jobs, means)
    return Promise.all(jobs.map((job) => runAttempt(loaded, job, means)))
  })
  const failed = wanted.filter((_, index) => ends[index]?.kind !== 'done')
  return { ...summarise(ends), logs, failed: failed.map(({ given }) => given) }
}

function makeJob(
  event: object | string,
  options: RunHandlerOptions,
): { readonly job: AttemptJob; readonly facts: EventFacts } {
  const payload = typeof event === 'string' ? event : JSON.stringify(event)
  const { provider = guessProvider(payload), receivedAt = new Date() } = options
  const facts = PROVIDERS[provider].describe(parsePayload(payload))
  if (facts === undefined) throw new TypeError('runHandler: the event has no name.')
  const job = {
    provider,
    payload,
    source: options.source ?? provider,
    key: makeKey(facts.identity ?? payload),
    attempt: options.attempt ?? 1,
    receivedAt: receivedAt.getTime(),
  }
  return { job, facts }
}

/** Of the form that the receiver's own keys have: the same for the same event. */
function makeKey(identity: string): string {
  return createHash('sha256').update(identity).digest('base64url').slice(0, 22)
}

/** Ends in time even when the handler does not. */
async function runInTime(
  timeoutMs: number,
  jobs: number,
  run: (signal: AbortSignal) => Promise<readonly AttemptEnd[]>,
): Promise<readonly AttemptEnd[]> {
  const error = `The attempt took longer than ${timeoutMs} ms.`
  const clock = new AbortController()
  const late = new Promise<readonly AttemptEnd[]>((resolve) => {
    clock.signal.addEventListener('abort', () => {
      resolve(Array.from({ length: jobs }, () => ({ kind: 'retry', error })))
    })
  })
  const timer = setTimeout(() => clock.abort(new DOMException(error, 'TimeoutError')), timeoutMs)
  try {
    return await Promise.race([run(clock.signal), late])
  } finally {
    clearTimeout(timer)
  }
}

function recordLog(lines: LoggedLine[]): HandlerLog {
  const record = (level: keyof HandlerLog) => (text: string, fields?: LoggedLine['fields']) =>
    void lines.push({ level, text, fields })
  const [debug, info] = [record('debug'), record('info')]
  return { debug, info, warn: record('warn'), error: record('error') }
}

function summarise(ends: readonly AttemptEnd[]): Pick<HandlerRun<never>, 'outcome' | 'error'> {
  if (ends.length === 0) return { outcome: 'unhandled', error: undefined }
  const worst =
    ends.find(({ kind }) => kind === 'dead') ?? ends.find(({ kind }) => kind === 'retry')
  if (worst === undefined || worst.kind === 'done') return { outcome: 'done', error: undefined }
  return { outcome: worst.kind, error: worst.error }
}
