import type { ClaimedJob, OpenRun, RunEvent } from '../../store/store.ts'
import { kindOf, MAX_PAGES, msOf, PROGRESS } from '../channel-frames.ts'
import type { ChildFrame, LogLine } from '../child-frame.ts'
import type { AttemptFailure } from '../retry-policy.ts'

/** What a store keeps of a duration. */
const MAX_MS = 0xffff

/** Events that are handed to a process together: those of a run, or a job's. */
export interface Portion {
  readonly of: OpenRun | ClaimedJob
  /** In which their bytes lie. */
  readonly body: Uint8Array
  readonly events: readonly RunEvent[]
  /** Told to the handler. */
  readonly attempt: number
  /** Of these, how many count for the retry schedule, this one included. */
  readonly counted: number
  /** To be run while no other event runs. Then it has one event. */
  readonly isAlone: boolean
  /** It ends processes, most likely: it waits until there is nothing else to do. */
  readonly isLast?: boolean
}

export interface FailedAttempt {
  readonly event: RunEvent
  readonly durationMs: number
  readonly failure: AttemptFailure
  /** Its process ended under it, and no other was under way. */
  readonly hasEndedProcess?: boolean
}

/** What has become of events of a portion. */
export interface PortionEnd {
  readonly portion: Portion
  /** Ids of events, and beside each how long it took in milliseconds. */
  readonly done: number[]
  readonly doneMs: number[]
  readonly failed: FailedAttempt[]
  /** Never started. */
  readonly returned: RunEvent[]
}

export function countEvents(portions: readonly Portion[]): number {
  return portions.reduce((sum, { events }) => sum + events.length, 0)
}

/** A line of a handler's, and the attempt for which it was written. */
export interface HandlerLine extends Omit<LogLine, 'page' | 'at' | 'events'> {
  readonly event?: string
  readonly batch?: string
  readonly attempt?: number
}

/** What a process was handed in one frame. */
export interface Page {
  readonly id: number
  readonly slot: number
  readonly isAlone: boolean
  readonly portions: readonly Portion[]
  /** Events, ended ones included. */
  readonly size: number
  /** Milliseconds of the machine's clock. */
  readonly handedAt: number
  /** 1 for each event that has ended. */
  readonly ended: Uint8Array
  left: number
}

export interface FrameMeans {
  readonly readSlot: (slot: number, size: number) => Uint32Array
  /** We aborted what runs: what fails now has not failed by itself. */
  readonly hasAborted: boolean
  /** Unasked it would be a way to be given the same events over and over. */
  readonly mayReturn: boolean
}

/** What one child was handed and has not ended. An event ends once, and only if it was handed. */
export class PageLedger {
  /** In the order in which they were handed over; no Map, see `holdings.ts`. */
  readonly #pages: Page[] = []
  readonly #freeSlots: number[] = []
  #ends = new Map<Portion, PortionEnd>()
  #slots = 0
  #lastId = 0
  #hasBegun = false

  get isEmpty(): boolean {
    return this.#pages.length === 0
  }

  get size(): number {
    return this.#pages.length
  }

  get isFull(): boolean {
    return this.#pages.length >= MAX_PAGES
  }

  /** The child has told of any event at all. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** In the order in which they were handed over. */
  pages(): Iterable<Page> {
    return this.#pages
  }

  hand(portions: readonly Portion[], handedAt: number): Page {
    const size = countEvents(portions)
    const page: Page = {
      id: ++this.#lastId,
      slot: this.#freeSlots.pop() ?? this.#slots++,
      isAlone: portions[0]?.isAlone === true,
      portions,
      size,
      handedAt,
      ended: new Uint8Array(size),
      left: size,
    }
    this.#pages.push(page)
    return page
  }

  /** Takes what a frame tells. What is not in the child's hands is passed over: it may write what it likes. */
  take({ pages = [], failures = [] }: ChildFrame, means: FrameMeans): void {
    this.#hasBegun ||= pages.length + failures.length > 0
    for (const { page: id, at, kind, error, afterMs, ms } of failures) {
      const page = this.#find(id)
      const isOurs = kind === 'retry' && means.hasAborted
      const failure = { kind: isOurs ? 'interrupted' : kind, error, afterMs } as const
      if (page) this.fail(page, at, { durationMs: Math.max(0, Math.round(ms)), failure })
    }
    for (const id of pages) {
      const page = this.#find(id)
      if (page) this.read(page, means.readSlot(page.slot, page.size), means.mayReturn)
    }
  }

  /** A line with what it was written for, as far as that is still in the child's hands. */
  attribute({ page: id = 0, at = 0, events = 1, ...line }: LogLine): HandlerLine {
    const page = this.#find(id)
    const { portion, event } = page ? find(page, at) : {}
    const isShared = portion !== undefined && portion.events.length < events
    if (!portion || !event || isShared) return line
    const known = { batch: portion.of.batch.id, attempt: portion.attempt }
    return events > 1 ? { ...line, ...known } : { ...line, event: String(event.event), ...known }
  }

  /** Takes what the entries of a page say is done, or given back. */
  read(page: Page, entries: Uint32Array, mayReturn: boolean): void {
    let index = 0
    for (const portion of page.portions) {
      let end: PortionEnd | undefined
      for (const event of portion.events) {
        const entry = entries[index] as number
        const kind = kindOf(entry)
        if (kind === PROGRESS.done && this.#close(page, index)) {
          end ??= this.#endOf(portion)
          end.done.push(event.event)
          end.doneMs.push(Math.min(msOf(entry), MAX_MS))
        } else if (kind === PROGRESS.returned && mayReturn) this.giveBack(page, index)
        index++
      }
    }
  }

  fail(page: Page, index: number, how: Omit<FailedAttempt, 'event'>): void {
    const { portion, event } = find(page, index)
    if (portion && event && this.#close(page, index)) {
      this.#endOf(portion).failed.push({ event, ...how })
    }
  }

  giveBack(page: Page, index: number): void {
    const { portion, event } = find(page, index)
    if (portion && event && this.#close(page, index)) this.#endOf(portion).returned.push(event)
  }

  /** Takes out what has ended since the last call. */
  takeEnds(): readonly PortionEnd[] {
    const ends = [...this.#ends.values()]
    this.#ends = new Map()
    return ends
  }

  #find(id: number): Page | undefined {
    return this.#pages.find((page) => page.id === id)
  }

  /** False when it has ended before. */
  #close(page: Page, index: number): boolean {
    if (page.ended[index] !== 0) return false
    page.ended[index] = 1
    page.left--
    if (page.left > 0) return true
    this.#pages.splice(this.#pages.indexOf(page), 1)
    this.#freeSlots.push(page.slot)
    return true
  }

  #endOf(portion: Portion): PortionEnd {
    const known = this.#ends.get(portion)
    if (known) return known
    const end: PortionEnd = { portion, done: [], doneMs: [], failed: [], returned: [] }
    this.#ends.set(portion, end)
    return end
  }
}

/** Nothing, when the page has no such event. */
function find(page: Page, index: number): { portion?: Portion; event?: RunEvent | undefined } {
  let at = index
  for (const portion of page.portions) {
    if (at < portion.events.length) return { portion, event: portion.events[at] }
    at -= portion.events.length
  }
  return {}
}
