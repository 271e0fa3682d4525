import { bitOf, countBits, eventsIn, type RunBits, withEvents, withTimings } from './run-bits.ts'
import type { FailedEvent, RunProgress } from './store.ts'

/** Why events end that nobody could run. */
export const UNREADABLE = {
  damaged: { kind: 'dead', error: 'The stored bytes are damaged: their SHA-256 differs.' },
  gone: { kind: 'dead', error: 'The stored bytes are gone.' },
} as const
export const CUT = {
  kind: 'alone',
  error: 'interrupted: the receiver ended each time while this was under way',
} as const

interface TimedRun extends RunBits {
  readonly timings: Uint8Array | null
}
type Ends = Pick<RunProgress, 'done' | 'doneMs' | 'failed'>

/** A run with what became of its events, and what is new of that. */
export interface AdvancedRun<Run> {
  readonly run: Run & { readonly open: number }
  /** How many. */
  readonly done: number
  readonly failed: readonly FailedEvent[]
}

/** What was recorded before stays as it is, as an answer to it may have been lost; each event ends once. */
export function advanceRun<Run extends TimedRun>(
  run: Run,
  ends: Ends,
  endedAfterMs: number,
): AdvancedRun<Run> {
  const { base, wanted } = run
  const bytes = wanted.length
  const done = new Map<number, number>()
  for (const [index, event] of ends.done.entries()) {
    if (bitOf(run, event) === 'open' && !done.has(event)) done.set(event, ends.doneMs[index] ?? 0)
  }
  const failed = new Map<number, FailedEvent>()
  for (const one of ends.failed) {
    const isOpen = bitOf(run, one.event) === 'open' && !done.has(one.event)
    if (isOpen && !failed.has(one.event)) failed.set(one.event, one)
  }
  const [events, durationsMs] = [[...done.keys()], [...done.values()]]
  const next =
    done.size === 0
      ? { done: run.done, timings: run.timings }
      : {
          done: withEvents(run.done, bytes, { base, events }),
          timings: withTimings(run.timings, bytes, { base, events, durationsMs, endedAfterMs }),
        }
  const failedBits =
    failed.size === 0
      ? run.failed
      : withEvents(run.failed, bytes, { base, events: [...failed.keys()] })
  const open = countBits(wanted) - countBits(next.done) - countBits(failedBits)
  return {
    run: { ...run, ...next, failed: failedBits, open },
    done: done.size,
    failed: [...failed.values()],
  }
}

/** All that is open ends in the same way. */
export function endsOfAll(run: RunBits, outcome: FailedEvent['outcome']): Ends {
  const failed = eventsIn(run, 'open').map((event) => ({ event, durationMs: 0, outcome }))
  return { done: [], doneMs: [], failed }
}
