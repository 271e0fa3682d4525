import { type Closers, createClosers } from './closers.ts'
import { AT_ONCE, GRACEFUL } from './stop-plan.ts'

/** How a receiver ends, in the middle of its start as well. */
export interface Stopping {
  readonly closers: Closers
  /** Aborted when nothing is waited for any more. */
  readonly hurry: AbortSignal
  /** A part of the start, after which nothing more is begun when the receiver is to stop. */
  unlessStopped<Result>(part: Promise<Result>): Promise<Result>
  isStopping(): boolean
  stop(): Promise<void>
  stopNow(): Promise<void>
  /** What hindered the start is worth more than what hindered its end. */
  afterFailure(): Promise<void>
}

/** A stop at once that takes this long is told of, before the process ends in its midst. */
const LATE_MS = 3_500

/** `onLate` hears which parts have not ended when a stop at once is about to be cut off. */
export function createStopping(onLate: (parts: readonly string[]) => void): Stopping {
  const stopping = new AbortController()
  const hurry = new AbortController()
  let late: NodeJS.Timeout | undefined
  const closers = createClosers(() => (hurry.signal.aborted ? AT_ONCE : GRACEFUL))

  function stop(): Promise<void> {
    stopping.abort()
    return closers.close()
  }

  function stopNow(): Promise<void> {
    hurry.abort()
    late ??= setTimeout(() => onLate(closers.left()), LATE_MS).unref()
    return stop().finally(() => clearTimeout(late))
  }

  return {
    closers,
    hurry: hurry.signal,
    async unlessStopped(part) {
      const result = await part
      stopping.signal.throwIfAborted()
      return result
    },
    isStopping: () => stopping.signal.aborted,
    stop,
    stopNow,
    afterFailure: () => (stopping.signal.aborted ? stop() : stopNow()).catch(() => {}),
  }
}
