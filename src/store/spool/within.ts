import { ReceiverError } from '../../errors.ts'

/** Calls back once, after this time; answers how to prevent it. */
export type StartTimer = (ms: number, ring: () => void) => () => void

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

export function noAnswerWithin(limitMs: number): ReceiverError {
  return new ReceiverError('store_busy', { detail: `no answer within ${limitMs} ms` })
}

export function toReceiverError(cause: unknown): ReceiverError {
  if (cause instanceof ReceiverError) return cause
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new ReceiverError('store_busy', { detail, cause })
}
