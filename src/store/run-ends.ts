import {
  addBit,
  bitOf,
  countBits,
  eventsIn,
  type RunBits,
  withEvents,
  withTimings,
} from './run-bits.ts'
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
  const { done, timings, events } = advanceDone(run, ends, endedAfterMs)
  const advanced = { ...run, done, timings }
  const failed = new Map<number, FailedEvent>()
  for (const one of ends.failed) {
    const isOpen = bitOf(advanced, one.event) === 'open'
    if (isOpen && !failed.has(one.event)) failed.set(one.event, one)
  }
  const failedBits =
    failed.size === 0
      ? run.failed
      : withEvents(run.failed, run.wanted.length, { base: run.base, events: [...failed.keys()] })
  const open = countBits(run.wanted) - countBits(done) - countBits(failedBits)
  return {
    run: { ...advanced, failed: failedBits, open },
    done: events,
    failed: [...failed.values()],
  }
}

/** `events`: how many of them are done only now. */
function advanceDone(run: TimedRun, ends: Ends, endedAfterMs: number) {
  const { base, wanted } = run
  const done = withEvents(run.done, wanted.length, { base, events: [] })
  const advanced = { ...run, done }
  const events: number[] = []
  const durationsMs: number[] = []
  for (let index = 0; index < ends.done.length; index++) {
    const event = ends.done[index] as number
    if (bitOf(advanced, event) !== 'open') continue
    addBit(done, event - base)
    events.push(event)
    durationsMs.push(ends.doneMs[index] ?? 0)
  }
  if (events.length === 0) return { done: run.done, timings: run.timings, events: 0 }
  const times = { base, events, durationsMs, endedAfterMs }
  const timings = withTimings(run.timings, wanted.length, times)
  return { done, timings, events: events.length }
}

/** All that is open ends in the same way. */
export function endsOfAll(run: RunBits, outcome: FailedEvent['outcome']): Ends {
  const failed = eventsIn(run, 'open').map((event) => ({ event, durationMs: 0, outcome }))
  return { done: [], doneMs: [], failed }
}
