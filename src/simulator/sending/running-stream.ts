import type { TimedEvent } from '../samples/campaign-events.ts'
import { type StreamSpec, streamEvents } from '../samples/event-stream.ts'

/** A stream and how far it has come; can be kept as JSON. */
export interface StreamState {
  readonly spec: StreamSpec
  /** Events that have happened. */
  readonly made: number
}

export interface RunningStream {
  /** When its next event happens; `Infinity`: it has ended. */
  nextAt(): number
  /** The events that have happened by now. */
  takeUntil(now: number): TimedEvent[]
  readonly state: StreamState
}

/** Goes on with a stream: the same seed makes the same events again. */
export function runStream({ spec, made: before }: StreamState): RunningStream {
  const events = streamEvents(spec)
  let made = before
  let next: TimedEvent | undefined
  const step = () => {
    const { value, done } = events.next()
    next = done ? undefined : value
  }
  for (let skipped = 0; skipped <= before; skipped++) step()
  return {
    nextAt: () => next?.occurredAt ?? Number.POSITIVE_INFINITY,
    takeUntil(now) {
      const taken: TimedEvent[] = []
      for (; next !== undefined && next.occurredAt <= now; step()) {
        taken.push(next)
        made++
      }
      return taken
    },
    get state() {
      return { spec, made }
    },
  }
}
