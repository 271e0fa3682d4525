import { eventIdOf } from './event-id.ts'
import type { FailedEvent, RunProgress, UnpackedPage } from './store.ts'

/** The bits and times of a run, as both engines keep them. All is pure; arrays are made anew. */

/** A run covers fewer than this many positions. */
export const RUN_SPAN = 1_024

/** Bits from event `base` on. */
export interface RunBits {
  readonly base: number
  readonly wanted: Uint8Array
  readonly done: Uint8Array | null
  readonly failed: Uint8Array | null
}

export const isSet = (bits: Uint8Array | null, index: number): boolean =>
  bits !== null && (((bits[index >> 3] as number) >> (index & 7)) & 1) === 1

/** The bits of these events, of whom all are at or behind `base`. */
export function makeBits(base: number, events: readonly number[]): Uint8Array {
  let last = base
  for (const event of events) last = Math.max(last, event)
  const bits = new Uint8Array(((last - base) >> 3) + 1)
  for (const event of events) addBit(bits, event - base)
  return bits
}

/** A copy of this size. */
function copyBits(bits: Uint8Array | null, bytes: number): Uint8Array {
  const copy = new Uint8Array(bytes)
  if (bits) copy.set(bits)
  return copy
}

function addBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7))
}

export function countBits(bits: Uint8Array | null): number {
  let count = 0
  for (const byte of bits ?? []) for (let rest = byte; rest > 0; rest &= rest - 1) count++
  return count
}

/** The state of an event's bit; undefined when the run does not have the event. */
export function bitOf(run: RunBits, event: number): 'open' | 'done' | 'failed' | undefined {
  const index = event - run.base
  if (index < 0 || index >= run.wanted.length * 8 || !isSet(run.wanted, index)) return undefined
  if (isSet(run.done, index)) return 'done'
  return isSet(run.failed, index) ? 'failed' : 'open'
}

/** Ids of the events whose bit is in this state, in order. */
export function eventsIn(run: RunBits, state: 'open' | 'done' | 'failed' | 'wanted'): number[] {
  const found: number[] = []
  for (let index = 0; index < run.wanted.length * 8; index++) {
    const event = run.base + index
    const bit = bitOf(run, event)
    if (bit !== undefined && (state === 'wanted' || bit === state)) found.push(event)
  }
  return found
}

/** A run without the events that are gone; undefined when it has none of them. */
export function withoutEvents(
  run: RunBits,
  isGone: (event: number) => boolean,
): (RunBits & { readonly open: number; readonly isEmpty: boolean }) | undefined {
  const found = eventsIn(run, 'wanted').filter(isGone)
  if (found.length === 0) return undefined
  const clear = <Bits extends Uint8Array | null>(bits: Bits): Bits => {
    const copy = bits && new Uint8Array(bits)
    for (const event of found) {
      const [byte, bit] = [(event - run.base) >> 3, (event - run.base) & 7]
      if (copy && byte < copy.length) copy[byte] = (copy[byte] as number) & ~(1 << bit)
    }
    return copy as Bits
  }
  const [wanted, done, failed] = [clear(run.wanted), clear(run.done), clear(run.failed)]
  const left = countBits(wanted)
  const open = left - countBits(done) - countBits(failed)
  return { base: run.base, wanted, done, failed, open, isEmpty: left === 0 }
}

const BYTES_PER_TIMING = 4
/** Two bytes hold milliseconds below this, then seconds. */
const MAX_MS = 60_000
const MAX_TENTHS = 0xffff

/** A copy with the time at which these events ended, and how long each took. */
export function withTimings(
  timings: Uint8Array | null,
  bytes: number,
  ends: {
    readonly base: number
    readonly events: readonly number[]
    readonly durationsMs: readonly number[]
    /** Since the run was opened. */
    readonly endedAfterMs: number
  },
): Uint8Array {
  const copy = copyBits(timings, bytes * 8 * BYTES_PER_TIMING)
  const view = new DataView(copy.buffer)
  const tenths = Math.max(0, Math.min(MAX_TENTHS, Math.round(ends.endedAfterMs / 100)))
  for (let n = 0; n < ends.events.length; n++) {
    const at = ((ends.events[n] as number) - ends.base) * BYTES_PER_TIMING
    view.setUint16(at, tenths)
    view.setUint16(at + 2, packDuration(ends.durationsMs[n] ?? 0))
  }
  return copy
}

/** Milliseconds, to the tenth of a second since the run was opened; and how long it took. */
export function timingOf(
  timings: Uint8Array | null,
  index: number,
): { readonly endedAfterMs: number; readonly durationMs: number } {
  if (timings === null || timings.length < (index + 1) * BYTES_PER_TIMING) {
    return { endedAfterMs: 0, durationMs: 0 }
  }
  const view = new DataView(timings.buffer, timings.byteOffset, timings.byteLength)
  const packed = view.getUint16(index * BYTES_PER_TIMING + 2)
  return {
    endedAfterMs: view.getUint16(index * BYTES_PER_TIMING) * 100,
    durationMs: packed < MAX_MS ? packed : MAX_MS + (packed - MAX_MS) * 1_000,
  }
}

function packDuration(ms: number): number {
  if (ms < MAX_MS) return Math.max(0, Math.round(ms))
  return Math.min(0xffff, MAX_MS + Math.round((ms - MAX_MS) / 1_000))
}

/** By handler: the events of a page that it wants, which become its run. */
export function wantedEvents({ batch, events }: UnpackedPage): Map<string, number[]> {
  const wanted = new Map<string, number[]>()
  for (const { handlers, position } of events) {
    const id = eventIdOf(batch.seq, position)
    for (const handler of handlers) {
      const ids = wanted.get(handler)
      if (ids) ids.push(id)
      else wanted.set(handler, [id])
    }
  }
  return wanted
}

/** Why events end that nobody could run. */
export const UNREADABLE = {
  damaged: { kind: 'dead', error: 'The stored bytes are damaged: their SHA-256 differs.' },
  gone: { kind: 'dead', error: 'The stored bytes are gone.' },
} as const

interface TimedRun extends RunBits {
  readonly timings: Uint8Array | null
}
type Ends = Pick<RunProgress, 'done' | 'doneMs' | 'failed'>

/**
 * A run with what became of its events; of what is new in that, how many are done, and which have
 * failed. What was recorded before stays as it is, as an answer to it may have been lost; each event
 * ends once.
 */
export function advanceRun<Run extends TimedRun>(run: Run, ends: Ends, endedAfterMs: number) {
  const { base, wanted, timings } = run
  const done = copyBits(run.done, wanted.length)
  const failed = copyBits(run.failed, wanted.length)
  const advanced = { base, wanted, done, failed }
  const events: number[] = []
  const durationsMs: number[] = []
  for (let index = 0; index < ends.done.length; index++) {
    const event = ends.done[index] as number
    if (bitOf(advanced, event) !== 'open') continue
    addBit(done, event - base)
    events.push(event)
    durationsMs.push(ends.doneMs[index] ?? 0)
  }
  const failures = ends.failed.filter(({ event }) => {
    const isOpen = bitOf(advanced, event) === 'open'
    if (isOpen) addBit(failed, event - base)
    return isOpen
  })
  const times = { base, events, durationsMs, endedAfterMs }
  const hasDone = events.length > 0
  return {
    run: {
      ...run,
      done: hasDone ? done : run.done,
      timings: hasDone ? withTimings(timings, wanted.length, times) : timings,
      failed: failures.length > 0 ? failed : run.failed,
      open: countBits(wanted) - countBits(done) - countBits(failed),
    },
    done: events.length,
    failed: failures,
  }
}

/** All that is open ends in the same way. */
export function endsOfAll(run: RunBits, outcome: FailedEvent['outcome']): Ends {
  const failed = eventsIn(run, 'open').map((event) => ({ event, durationMs: 0, outcome }))
  return { done: [], doneMs: [], failed }
}
