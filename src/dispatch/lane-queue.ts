import type { Holdings } from './holdings.ts'
import { countEvents, type Portion, takePage } from './process/page-ledger.ts'

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

  add(portion: Portion): void {
    const isGone = ({ event }: { event: number }) => [...this.#gone].some((set) => set.has(event))
    const gone = this.#gone.size === 0 ? [] : portion.events.filter(isGone)
    if (gone.length === 0) return void this.#portions.push(portion)
    this.#holdings.giveBack({ ...portion, events: gone })
    const left = portion.events.filter((event) => !gone.includes(event))
    if (left.length > 0) this.#portions.push({ ...portion, events: left })
  }

  /** Others go on, however often one of those that run alone ends the process. */
  letAloneWait(): void {
    this.#portions.sort((one, other) => +one.isAlone - +other.isAlone)
  }

  /** Takes out what fits a page, of at most so many events. */
  takePage(most: number): Portion[] {
    return takePage(this.#portions, most)
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
