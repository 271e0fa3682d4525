import type { HeldFigures } from './holdings.ts'

/** Events in hands until a handler has shown that it gets on: enough to keep its process busy. */
const MAX_EVENTS = 1_000
/** Then: they come straight from unpacking, rather than to be read from the store again. */
const MAX_READY = 4_000
const MAX_BYTES = 16 * 1024 * 1024
const MAX_CLAIM = 2_000
/** Outcomes not recorded yet; beyond that nothing more is claimed. */
const MAX_UNRECORDED = 8_000
/** After so many failures in a row a downstream is taken to be down: probe it, do not hammer. */
const TRIP_AFTER = 100
const PROBE_EVENTS = 100
const PROBE_EVERY_MS = 1_000

export interface Room {
  readonly events: number
  readonly bytes: number
}

/** How much of a handler's work is in hands at the same time, and how much of it its process is given. */
export class LaneWindow {
  readonly #now: () => number
  #events = 0
  #endedInWindow = 0
  #failuresInRow = 0
  #probesLeft = 0
  #nextProbesAt = 0

  /** `now`: of a clock that only goes forward, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** A new process begins with little: one that crashes then costs little. */
  open(events: number): void {
    this.#events = events
    this.#endedInWindow = 0
  }

  /** Attempts that have ended, in this order. */
  noteEnds(done: number, failed: number): void {
    if (done > 0) this.#failuresInRow = 0
    this.#failuresInRow += failed
    this.#endedInWindow += done + failed
    while (this.#events > 0 && this.#endedInWindow >= this.#events) {
      this.#endedInWindow -= this.#events
      if (this.#events >= MAX_EVENTS) break
      this.#events = Math.min(2 * this.#events, MAX_EVENTS)
    }
  }

  /** What to claim now; undefined: nothing. Only when half of the window is free: few, large claims. */
  room({ events, bytes, unrecorded }: HeldFigures): Room | undefined {
    const free = Math.min(this.#most - events, MAX_UNRECORDED + this.#most - unrecorded)
    const bytesFree = MAX_BYTES - bytes
    if (free <= 0 || free < this.#most / 2 || bytesFree <= 0) return undefined
    const most = this.#isTripped ? Math.min(PROBE_EVENTS, this.#countProbes()) : MAX_CLAIM
    return most > 0 ? { events: Math.min(free, most), bytes: bytesFree } : undefined
  }

  /** Whether so much comes in at once. With nothing in hands anything does. */
  takes(fresh: Room, { events, bytes, unrecorded }: HeldFigures): boolean {
    if (this.#isTripped || unrecorded > MAX_UNRECORDED) return false
    if (events === 0) return fresh.events <= Math.max(MAX_EVENTS, this.#most)
    return events + fresh.events <= this.#most && bytes + fresh.bytes <= MAX_BYTES
  }

  /** How many events may be handed to the process now. */
  allowance(): number {
    return this.#isTripped ? this.#countProbes() : Number.POSITIVE_INFINITY
  }

  noteHanded(events: number): void {
    this.#probesLeft -= events
  }

  /** When there will be more; undefined: nothing is held back. */
  get nextProbesInMs(): number | undefined {
    return this.#isTripped ? Math.max(1, this.#nextProbesAt - this.#now()) : undefined
  }

  get #most(): number {
    return this.#events < MAX_EVENTS ? this.#events : MAX_READY
  }

  get #isTripped(): boolean {
    return this.#failuresInRow >= TRIP_AFTER
  }

  #countProbes(): number {
    const now = this.#now()
    if (now >= this.#nextProbesAt) {
      this.#nextProbesAt = now + PROBE_EVERY_MS
      this.#probesLeft = PROBE_EVENTS
    }
    return Math.max(0, this.#probesLeft)
  }
}
