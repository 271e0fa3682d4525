/** How long each part of a stop may take, in milliseconds. */
interface StopPlan {
  /** Keep serving while load balancers learn that we go; every answer ends its connection. */
  readonly drainMs: number
  /** Then requests in flight may end. */
  readonly requestsMs: number
  /** Then handlers may finish undisturbed, */
  readonly handlersSoftMs: number
  /** and from the same moment on: they are killed, and their jobs go on after the next start. */
  readonly handlersHardMs: number
  /** What waits in the spool may follow; the rest stays for the next start. */
  readonly spoolMs: number
  /** Spans that were not sent yet may go. */
  readonly tracesMs: number
}

/** `docker stop` kills after 10 s; this ends before 9. */
const GRACEFUL: StopPlan = {
  drainMs: 3_000,
  requestsMs: 2_000,
  handlersSoftMs: 1_500,
  handlersHardMs: 2_500,
  spoolMs: 1_000,
  tracesMs: 300,
}
export const AT_ONCE: StopPlan = {
  drainMs: 0,
  requestsMs: 0,
  handlersSoftMs: 0,
  handlersHardMs: 0,
  spoolMs: 0,
  tracesMs: 0,
}

/** Ends one part of what runs. */
export type Closer = (plan: StopPlan) => void | Promise<void>

export type Closers = ReturnType<typeof createClosers>

/** `plan` is asked before each of them. */
export function createClosers(plan: () => StopPlan) {
  const open: { part: string; closer: Closer }[] = []
  let underWay: string | undefined
  let closing: Promise<void> | undefined

  async function closeAll(): Promise<void> {
    const failures: unknown[] = []
    for (let next = open.pop(); next; next = open.pop()) {
      underWay = next.part
      try {
        await next.closer(plan())
      } catch (error) {
        failures.push(error)
      }
    }
    underWay = undefined
    if (failures.length > 0) throw failures[0]
  }

  return {
    /**
     * Also while the others are closed, or after: then this one follows at once. `part` names it for
     * people.
     */
    add(part: string, closer: Closer): void {
      open.push({ part, closer })
      closing = closing?.finally(closeAll)
    },
    /**
     * Last in, first out. One that fails holds up no other: what is not closed keeps its lock, and
     * what was acknowledged. Rejects with the first failure then.
     */
    close(): Promise<void> {
      closing ??= closeAll()
      return closing
    },
    /** What is not closed yet, in the order in which it is. */
    left: (): readonly string[] => [
      ...(underWay === undefined ? [] : [underWay]),
      ...open.map(({ part }) => part).reverse(),
    ],
  }
}

/** A stop at once that takes this long is told of, before the process ends in its midst. */
const LATE_MS = 3_500

/**
 * How a receiver ends, in the middle of its start as well. `onLate` hears which parts have not ended when a
 * stop at once is about to be cut off.
 */
export function createStopping(onLate: (parts: readonly string[]) => void) {
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
    /** Aborted when nothing is waited for any more. */
    hurry: hurry.signal,
    /** A part of the start, after which nothing more is begun when the receiver is to stop. */
    async unlessStopped<Result>(part: Promise<Result>): Promise<Result> {
      const result = await part
      stopping.signal.throwIfAborted()
      return result
    },
    isStopping: () => stopping.signal.aborted,
    stop,
    stopNow,
    /** What hindered the start is worth more than what hindered its end. */
    afterFailure: () => (stopping.signal.aborted ? stop() : stopNow()).catch(() => {}),
  }
}
