import type { RunEvent } from '../store/store.ts'
import { MAX_PAGE_EVENTS } from './channel-frames.ts'
import type { Holdings } from './holdings.ts'
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
