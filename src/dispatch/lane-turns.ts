import type { Rate } from '../model.ts'
import type { Awaitable, TurnRequest } from '../store/store.ts'

/** How many calls may begin, of all replicas together. */
export type TakeTurns = (request: TurnRequest) => Awaitable<number>

/** Turns are asked for so often, at a low rate less often. */
const PERIOD_MS = 50
/** Whoever asks just before a turn is due is refused, and clocks tell whole milliseconds. */
const EARLY_MS = 2
/** One who was refused asks again after a quarter of the time from call to call, within these. */
const REFUSED_MS = { least: 100, most: 1_000 }
const AFTER_FAILURE_MS = 1_000
/** What was not used of so long may be given at once, and begins within a period more. */
const AT_ONCE_MS = 150
/** No more than is begun in so long is in hands: others may want it, or somebody pauses the handler. */
const AHEAD_MS = 2_000

/** What the handler has; asked for only where there is a rate. */
export interface LaneCounts {
  /** Events that are in the hands of no process. */
  readonly waiting: () => number
  /** Calls that run, or are to begin, in its process. */
  readonly calls: () => number
}

/** How a handler is called. */
export interface CallShape {
  /** So many run at the same time. */
  readonly callsAtOnce: number
  /** Each has so many events at most. */
  readonly callEvents: number
  readonly takesBatches: boolean
}

/**
 * Lets a handler with a rate begin no more calls than it has turns for. Of one that takes batches a page
 * is a call: its process may put several pages into one call, and never begins more calls than it has
 * pages, as each ends with the last event of one.
 */
export class LaneTurns {
  readonly #take: TakeTurns
  readonly #counts: LaneCounts
  readonly #onTurns: () => void
  #rate: Rate | undefined
  #shape: CallShape = { callsAtOnce: 0, callEvents: 1, takesBatches: false }
  #granted = 0
  /** It has used what it was given for a period. */
  #keepsUp = true
  #isAsking = false
  #timer: NodeJS.Timeout | undefined

  /** `onTurns`: there are some, or it is time to ask again. */
  constructor(take: TakeTurns, counts: LaneCounts, onTurns: () => void) {
    this.#take = take
    this.#counts = counts
    this.#onTurns = onTurns
  }

  follow(rate: Rate | undefined, shape: CallShape): void {
    this.#rate = rate
    this.#keepsUp = true
    this.#shape = shape
    // It may wait by an older rate.
    this.stop()
  }

  get isLimiting(): boolean {
    return this.#rate !== undefined
  }

  /**
   * How many events the next page may have: no more calls than begin at once, as what waited in the
   * process would begin all together.
   */
  allowance(): number {
    if (!this.#rate) return Number.POSITIVE_INFINITY
    const { callEvents, takesBatches } = this.#shape
    const calls = Math.max(0, Math.min(this.#granted, this.#roomInProcess))
    return takesBatches ? Math.min(calls, 1) * callEvents : calls
  }

  /** How many events should be in hands at the most. */
  get ahead(): number {
    if (!this.#rate) return Number.POSITIVE_INFINITY
    const calls = Math.floor((AHEAD_MS * this.#rate.attempts) / this.#rate.perMs)
    return Math.max(1, calls) * this.#shape.callEvents
  }

  /** A page of so many. */
  noteHanded(events: number): void {
    if (this.#rate) this.#granted -= this.#callsOf(events)
  }

  #callsOf(events: number): number {
    return Math.ceil(events / this.#shape.callEvents)
  }

  get #roomInProcess(): number {
    return this.#shape.callsAtOnce - this.#counts.calls()
  }

  /**
   * For what waits: what can begin now, or until it is time to ask again, when calls are shorter than
   * that. What was not used by then is lost, or more would begin at once later than may.
   */
  async ask(handler: string): Promise<void> {
    if (!this.#rate || this.#isAsking || this.#timer) return
    const everyMs = this.#rate.perMs / this.#rate.attempts
    const everyUs = Math.max(1, Math.ceil(1_000 * everyMs))
    const atOnce = Math.max(1, Math.floor((1_000 * AT_ONCE_MS) / everyUs))
    const inPeriod = Math.floor((1_000 * PERIOD_MS) / everyUs)
    const room = Math.max(this.#roomInProcess, this.#keepsUp ? inPeriod : 0)
    const calls = this.#callsOf(this.#counts.waiting())
    const wanted = Math.min(calls, atOnce, room) - this.#granted
    if (wanted <= 0) return
    this.#isAsking = true
    let waitMs = Math.min(REFUSED_MS.most, Math.max(REFUSED_MS.least, everyMs / 4))
    let granted = 0
    try {
      granted = await this.#take({ handler, wanted, everyUs, atOnce })
      if (granted > 0) waitMs = Math.max(PERIOD_MS, everyMs) + EARLY_MS
    } catch {
      // The store is away, of which others tell; nothing could be recorded meanwhile.
      waitMs = AFTER_FAILURE_MS
    }
    this.#isAsking = false
    this.#granted += granted
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#keepsUp = this.#granted === 0
      if (inPeriod > 0) this.#granted = 0
      this.#onTurns()
    }, waitMs).unref()
    if (granted > 0) this.#onTurns()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
