import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import {
  type AttemptCounts,
  type LatencyFigures,
  RECENT_MINUTES,
  type RecentFigures,
} from './figures.ts'

const MINUTE_MS = 60_000
/** Names are those of handlers that were loaded; more than this is no configuration. */
const MOST_HANDLERS = 500

interface Minute {
  readonly number: number
  readonly ack: RecordableHistogram
  readonly attempts: Map<string, { done: number; retry: number; dead: number }>
}

const NONE: AttemptCounts = { done: 0, retry: 0, dead: 0 }

export type RecentMinutes = ReturnType<typeof createRecentMinutes>

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
    const made: Minute = { number, ack: createLatencies(), attempts: new Map() }
    minutes.set(number, made)
    return made
  }

  return {
    noteAck: (ackMs: number): void => current().ack.record(toUnits(ackMs)),

    noteAttempts(handler: string, outcome: keyof AttemptCounts, count: number): void {
      const { attempts } = current()
      const counts = attempts.get(handler) ?? { ...NONE }
      if (attempts.size >= MOST_HANDLERS && !attempts.has(handler)) return
      attempts.set(handler, counts)
      counts[outcome] += count
    },

    read(): RecentFigures {
      const first = Math.floor(now() / MINUTE_MS) - RECENT_MINUTES + 1
      const row = Array.from({ length: RECENT_MINUTES }, (_, index) => minutes.get(first + index))
      const all = createLatencies()
      for (const minute of row) if (minute) all.add(minute.ack)
      const handlers = new Set(row.flatMap((minute) => [...(minute?.attempts.keys() ?? [])]))
      return {
        from: first * MINUTE_MS,
        ack: {
          all: figuresOf(all),
          minutes: row.map((minute) => figuresOf(minute?.ack)),
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

/** Latencies are counted in so many milliseconds, which a histogram has whole numbers of. */
const UNIT_MS = 0.01
const LONGEST_MS = 60_000
const NOTHING: LatencyFigures = {
  count: 0,
  p50: undefined,
  p95: undefined,
  p99: undefined,
  max: undefined,
}

/** Of a fixed size, some 15 kB, with two digits that count: figures are at most 1 % too high. */
function createLatencies(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: LONGEST_MS / UNIT_MS, figures: 2 })
}

function toUnits(ms: number): number {
  return Math.max(1, Math.round(Math.min(ms, LONGEST_MS) / UNIT_MS))
}

function figuresOf(latencies: RecordableHistogram | undefined): LatencyFigures {
  if (!latencies?.count) return NOTHING
  const at = (percent: number) => latencies.percentile(percent) * UNIT_MS
  const { count, max } = latencies
  return { count: Number(count), p50: at(50), p95: at(95), p99: at(99), max: max * UNIT_MS }
}
