import { ReceiverError } from '../../errors.ts'
import type { Batch } from '../../model.ts'
import type { StartTimer } from '../../timers.ts'
import type { Store } from '../store.ts'

/** Part of the ten seconds in which a request is answered. */
const LIMIT_MS = 3_000

export interface BreakerOptions {
  readonly shared: Pick<Store, 'append' | 'probe'>
  readonly startTimer: StartTimer
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onAway: (error: ReceiverError) => void
  readonly onBack: () => void
}

/** Why and since when a store is away. */
export interface Outage {
  /** Milliseconds since 1970. */
  readonly since: number
  /** False: it has not answered since this process started, so nobody knows whether it is one. */
  readonly wasOpened: boolean
  /** Undefined while it was not asked yet. */
  readonly error: ReceiverError | undefined
}

/**
 * The shared store, which may be away. The first failure tells so: whoever waits then is let go at
 * once, and nobody else is kept waiting until an attempt from the background succeeds.
 */
export function createBreaker(options: BreakerOptions) {
  const { shared, startTimer, now, onAway, onBack } = options
  const waiting = new Set<(error: ReceiverError) => void>()
  let failure: ReceiverError | undefined
  let since = now()
  let wasOpened = false

  /** A batch refused for what it is says nothing about the store. */
  function note(error: ReceiverError | undefined): void {
    if (error?.code === 'store_refused') return
    const wasAway = failure !== undefined
    failure = error
    if (error && !wasAway && wasOpened) since = now()
    wasOpened ||= error === undefined
    if (error && !wasAway) onAway(error)
    else if (!error && wasAway) onBack()
    if (error) for (const letGo of waiting) letGo(error)
  }

  function attempt(work: () => Promise<void>): Promise<ReceiverError | undefined> {
    return new Promise((resolve) => {
      const letGo = (error: ReceiverError | undefined): void => {
        cancel()
        waiting.delete(letGo)
        resolve(error)
      }
      const settle = (error: ReceiverError | undefined): void => {
        if (!waiting.has(letGo)) return
        letGo(error)
        note(error)
      }
      const cancel = startTimer(LIMIT_MS, () => settle(noAnswerWithin(LIMIT_MS)))
      waiting.add(letGo)
      work().then(
        () => settle(undefined),
        (cause) => settle(toReceiverError(cause)),
      )
    })
  }

  return {
    /** Undefined once the store has the batch, else why it does not. May have it later all the same. */
    append: (batch: Batch) => attempt(async () => shared.append(batch)),
    /** Likewise without a batch. */
    probe: () => attempt(async () => shared.probe()),
    /** Why the store is away; undefined while it is not. */
    failure: () => failure,
    /** It has taken something, or answered, and nothing has failed since. */
    isWell: () => wasOpened && failure === undefined,
    /** Since when it is not well, which is from the start until it first answers. */
    outage: (): Outage | undefined =>
      wasOpened && !failure ? undefined : { since, wasOpened, error: failure },
  }
}

export type Breaker = ReturnType<typeof createBreaker>

/** What `work` answers, or `store_busy` after the limit; what comes of it later is of no interest. */
export function within<Value>(
  work: Promise<Value>,
  { limitMs, startTimer }: { limitMs: number; startTimer: StartTimer },
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = startTimer(limitMs, () => reject(noAnswerWithin(limitMs)))
    work.then(resolve, reject).finally(cancel)
  })
}

function noAnswerWithin(limitMs: number): ReceiverError {
  return new ReceiverError('store_busy', { detail: `no answer within ${limitMs} ms` })
}

export function toReceiverError(cause: unknown): ReceiverError {
  if (cause instanceof ReceiverError) return cause
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new ReceiverError('store_busy', { detail, cause })
}
