import type { Rate } from '../model.ts'
import type { Awaitable, TurnRequest } from '../store/store.ts'

/** How many attempts may begin, of all replicas together. */
export type TakeTurns = (request: TurnRequest) => Awaitable<number>

/** Turns are asked for so often. Calls with many events at once should have many. */
const PERIOD_MS = 100
const BATCH_PERIOD_MS = 1_000
const AFTER_FAILURE_MS = 1_000
/** What was not used of a period may be in the next ones. */
const PERIODS_AT_ONCE = 2
/** No more than is begun in so long is in hands: others may want it, or somebody pauses the handler. */
const AHEAD_MS = 2_000

/** Of the handler's events; asked for only where there is a rate. */
export interface LaneCounts {
  /** Those that are in the hands of no process. */
  readonly waiting: () => number
  readonly handed: () => number
}

/** Lets a handler with a rate begin no more attempts than it has turns for. */
export class LaneTurns {
  readonly #take: TakeTurns
  readonly #counts: LaneCounts
  readonly #onTurns: () => void
  #rate: Rate | undefined
  #periodMs = PERIOD_MS
  #mostAtOnce = 0
  #granted = 0
  #isAsking = false
  #timer: NodeJS.Timeout | undefined

  /** `onTurns`: there are some, or it is time to ask again. */
  constructor(take: TakeTurns, counts: LaneCounts, onTurns: () => void) {
    this.#take = take
    this.#counts = counts
    this.#onTurns = onTurns
  }

  /** `mostAtOnce`: events that run at the same time. */
  follow(
    rate: Rate | undefined,
    { takesBatches, mostAtOnce }: { readonly takesBatches: boolean; readonly mostAtOnce: number },
  ): void {
    this.#rate = rate
    this.#mostAtOnce = mostAtOnce
    // It may wait by an older rate.
    this.stop()
    const everyMs = rate ? rate.perMs / rate.attempts : 0
    this.#periodMs = Math.max(everyMs, takesBatches ? BATCH_PERIOD_MS : PERIOD_MS)
  }

  get isLimiting(): boolean {
    return this.#rate !== undefined
  }

  /**
   * How many may be handed over now, beside those that are: no more than begin at once, as what waited
   * in the process would begin all together.
   */
  allowance(): number {
    if (!this.#rate) return Number.POSITIVE_INFINITY
    return Math.max(0, Math.min(this.#granted, this.#roomInProcess))
  }

  /** How many events should be in hands at the most. */
  get ahead(): number {
    if (!this.#rate) return Number.POSITIVE_INFINITY
    return Math.max(1, Math.floor((AHEAD_MS * this.#rate.attempts) / this.#rate.perMs))
  }

  noteHanded(events: number): void {
    if (this.#rate) this.#granted -= events
  }

  get #roomInProcess(): number {
    return this.#mostAtOnce - this.#counts.handed()
  }

  /** For what waits. */
  async ask(handler: string): Promise<void> {
    if (!this.#rate || this.#isAsking || this.#timer) return
    const { attempts, perMs } = this.#rate
    const everyUs = Math.max(1, Math.ceil((1_000 * perMs) / attempts))
    const atOnce = Math.max(1, Math.floor((1_000 * this.#periodMs * PERIODS_AT_ONCE) / everyUs))
    const wanted = Math.min(this.#counts.waiting(), atOnce, this.#roomInProcess) - this.#granted
    if (wanted <= 0) return
    this.#isAsking = true
    let waitMs = this.#periodMs
    let granted = 0
    try {
      granted = await this.#take({ handler, wanted, everyUs, atOnce })
    } catch {
      // The store is away, of which others tell; nothing could be recorded meanwhile.
      waitMs = AFTER_FAILURE_MS
    }
    this.#isAsking = false
    this.#granted += granted
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#onTurns()
    }, waitMs).unref()
    if (granted > 0) this.#onTurns()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
