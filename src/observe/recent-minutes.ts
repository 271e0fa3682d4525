import { createLatencyBuckets } from './latency-buckets.ts'
import { type AttemptCounts, RECENT_MINUTES, type RecentFigures } from './observer.ts'

const MINUTE_MS = 60_000
/** Names are those of handlers that were loaded; more than this is no configuration. */
const MOST_HANDLERS = 500

interface Minute {
  readonly number: number
  readonly ack: ReturnType<typeof createLatencyBuckets>
  readonly attempts: Map<string, { done: number; retry: number; dead: number }>
}

const NONE: AttemptCounts = { done: 0, retry: 0, dead: 0 }

/** Remembers an hour, in room that does not grow with the load. */
export function createRecentMinutes(now: () => number) {
  const minutes = new Map<number, Minute>()

  function current(): Minute {
    const number = Math.floor(now() / MINUTE_MS)
    const found = minutes.get(number)
    if (found) return found
    for (const old of minutes.keys()) {
      // A clock that was set back leaves minutes that are yet to come.
      if (old <= number - RECENT_MINUTES || old > number) minutes.delete(old)
    }
    const made: Minute = { number, ack: createLatencyBuckets(), attempts: new Map() }
    minutes.set(number, made)
    return made
  }

  return {
    noteAck: (ackMs: number): void => current().ack.add(ackMs),

    noteAttempt(handler: string, outcome: keyof AttemptCounts): void {
      const { attempts } = current()
      const counts = attempts.get(handler) ?? { ...NONE }
      if (attempts.size >= MOST_HANDLERS && !attempts.has(handler)) return
      attempts.set(handler, counts)
      counts[outcome]++
    },

    read(): RecentFigures {
      const first = Math.floor(now() / MINUTE_MS) - RECENT_MINUTES + 1
      const row = Array.from({ length: RECENT_MINUTES }, (_, index) => minutes.get(first + index))
      const all = createLatencyBuckets()
      for (const minute of row) if (minute) all.merge(minute.ack)
      const handlers = new Set(row.flatMap((minute) => [...(minute?.attempts.keys() ?? [])]))
      return {
        from: first * MINUTE_MS,
        ack: {
          all: all.figures(),
          minutes: row.map((minute) => (minute?.ack ?? createLatencyBuckets()).figures()),
        },
        attempts: Object.fromEntries(
          [...handlers].map((handler) => [
            handler,
            row.map((minute) => ({ ...(minute?.attempts.get(handler) ?? NONE) })),
          ]),
        ),
      }
    },
  }
}
