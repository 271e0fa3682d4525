import type { RunEvent } from '../store/store.ts'
import { MAX_PAGE_EVENTS } from './channel-frames.ts'
import type { HeldFigures, Holdings } from './holdings.ts'
import type { OutcomeJudge } from './outcome-judge.ts'
import { countEvents, type Portion } from './process/page-ledger.ts'

/** More of one page only when one portion has them: what is read whole should not be read for long. */
const MAX_PAGE_BYTES = 1024 * 1024

/** What a lane has in its hands and no process has: it is handed over next. */
export class LaneQueue {
  readonly #holdings: Pick<Holdings, 'giveBack'>
  #portions: Portion[] = []
  /** Events that are no more, as long as a process may still give one back. */
  readonly #gone = new Set<ReadonlySet<number>>()

  constructor(holdings: Pick<Holdings, 'giveBack'>) {
    this.#holdings = holdings
  }

  get isEmpty(): boolean {
    return this.#portions.length === 0
  }

  countEvents(): number {
    return countEvents(this.#portions)
  }

  /** Of these, those that wait until there is nothing else to do. */
  countLast(): number {
    return countEvents(this.#portions.filter(({ isLast }) => isLast))
  }

  add(portion: Portion): void {
    const isGone = ({ event }: { event: number }) => [...this.#gone].some((set) => set.has(event))
    const gone = this.#gone.size === 0 ? [] : portion.events.filter(isGone)
    if (gone.length === 0) return this.#insert(portion)
    this.#holdings.giveBack({ ...portion, events: gone })
    const left = portion.events.filter((event) => !gone.includes(event))
    if (left.length > 0) this.#insert({ ...portion, events: left })
  }

  /** Of what has ended a process, or is of such a type, each runs alone, and after all others. */
  addApart(portion: Portion, { isSuspect }: Pick<OutcomeJudge, 'isSuspect'>): void {
    const suspects = portion.events.filter(isSuspect)
    if (suspects.length === 0) return this.add(portion)
    const others = portion.events.filter((event) => !isSuspect(event))
    if (others.length > 0) this.add({ ...portion, events: others })
    for (const event of suspects) {
      this.add({ ...portion, events: [event], isAlone: true, isLast: true })
    }
  }

  /** Others go on, however often one of those that run alone ends the process. */
  #insert(portion: Portion): void {
    const place = placeOf(portion)
    let at = this.#portions.length
    while (at > 0 && placeOf(this.#portions[at - 1]) > place) at--
    this.#portions.splice(at, 0, portion)
  }

  /** Takes out what fits a page, of at most so many events. `mayTakeLast`: there is nothing else to do. */
  takePage(most: number, mayTakeLast: boolean): Portion[] {
    return this.#portions[0]?.isLast && !mayTakeLast ? [] : takePage(this.#portions, most)
  }

  /** All of it goes back to the store. */
  giveBack(): void {
    for (const portion of this.#portions.splice(0)) this.#holdings.giveBack(portion)
  }

  /**
   * These events are no more: they are let go, and so are those that come back until `recall` is over,
   * in which processes give back what they have not begun.
   */
  async drop(gone: ReadonlySet<number>, recall: () => Promise<void>): Promise<void> {
    this.#gone.add(gone)
    for (const portion of this.#portions.splice(0)) this.add(portion)
    await recall()
    this.#gone.delete(gone)
  }
}

const placeOf = (portion: Portion | undefined) => (portion?.isLast ? 2 : portion?.isAlone ? 1 : 0)

/**
 * Takes from the front of what waits what fits a page, and is not more than `most`. One that runs
 * alone has a page of its own.
 */
export function takePage(waiting: Portion[], most: number): Portion[] {
  const page: Portion[] = []
  const rest: Portion[] = []
  let room = Math.min(most, MAX_PAGE_EVENTS)
  let bytes = 0
  for (const portion of waiting) {
    const { events, isAlone } = portion
    const ownBytes = countBytes(events)
    const fits = events.length <= room && bytes + ownBytes <= MAX_PAGE_BYTES && !isAlone
    if (room === 0 || (page.length > 0 && !fits)) break
    if (events.length <= room) page.push(portion)
    else {
      page.push({ ...portion, events: events.slice(0, room) })
      rest.push({ ...portion, events: events.slice(room) })
    }
    room = isAlone ? 0 : Math.max(0, room - events.length)
    bytes += ownBytes
  }
  waiting.splice(0, page.length, ...rest)
  return page
}

function countBytes(events: readonly RunEvent[]): number {
  let sum = 0
  for (const { bytes } of events) sum += bytes
  return sum
}

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
