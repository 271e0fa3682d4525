import type { ReceiverError } from '../../errors.ts'
import type { Batch } from '../../model.ts'
import type { Store } from '../store.ts'
import { noAnswerWithin, type StartTimer, toReceiverError } from './within.ts'

/** Part of the ten seconds in which a request is answered. */
const LIMIT_MS = 3_000

export interface BreakerOptions {
  readonly shared: Pick<Store, 'append' | 'probe'>
  readonly startTimer: StartTimer
  readonly onAway: (error: ReceiverError) => void
  readonly onBack: () => void
}

/**
 * The shared store, which may be away. The first failure tells so: whoever waits then is let go at
 * once, and nobody else is kept waiting until an attempt from the background succeeds.
 */
export interface Breaker {
  /** Undefined once the store has the batch, else why it does not. May have it later all the same. */
  append(batch: Batch): Promise<ReceiverError | undefined>
  /** Likewise without a batch. */
  probe(): Promise<ReceiverError | undefined>
  /** Why the store is away; undefined while it is not. */
  failure(): ReceiverError | undefined
}

export function createBreaker({ shared, startTimer, onAway, onBack }: BreakerOptions): Breaker {
  const waiting = new Set<(error: ReceiverError) => void>()
  let failure: ReceiverError | undefined

  /** A batch refused for what it is says nothing about the store. */
  function judge(error: ReceiverError | undefined): void {
    if (error?.code === 'store_refused') return
    const wasAway = failure !== undefined
    failure = error
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
        judge(error)
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
    append: (batch) => attempt(async () => shared.append(batch)),
    probe: () => attempt(async () => shared.probe()),
    failure: () => failure,
  }
}
