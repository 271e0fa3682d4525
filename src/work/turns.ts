/** The loop looks so often for what no hint has told of. */
export const POLL_MS = 1_000
/** How long after a failure the next turn comes; twice as long after each further one, up to a poll. */
const FIRST_BACK_OFF_MS = 100

interface TurnsParts {
  /** Answers whether there was anything to do: then the next one follows at once. */
  readonly turn: () => Promise<boolean>
  readonly onFailure: (error: unknown) => void
  /** How many may be under way. */
  readonly atOnce: () => number
}

/** When a turn of the loop comes: as long as there is something to do, or when somebody wakes it. */
export class Turns {
  readonly #parts: TurnsParts
  readonly #underWay = new Set<Promise<void>>()
  #isRunning = false
  #isDue = false
  /** Somebody wanted a turn while there were enough. */
  #isMissed = false
  #failures = 0
  #timer: NodeJS.Timeout | undefined

  constructor(parts: TurnsParts) {
    this.#parts = parts
  }

  start(): void {
    this.#isRunning = true
    this.wake()
  }

  /** There may be something to do. */
  wake(): void {
    if (!this.#isRunning || this.#isDue) return
    this.#isDue = true
    clearTimeout(this.#timer)
    setImmediate(() => {
      this.#isDue = false
      this.#begin()
    })
  }

  /** Resolves when those have ended that are under way now. */
  async ended(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  /** Begins no more; resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.#isRunning = false
    clearTimeout(this.#timer)
    await this.ended()
  }

  #begin(): void {
    if (!this.#isRunning) return
    if (this.#underWay.size >= this.#parts.atOnce()) {
      this.#isMissed = true
      return
    }
    const turn = this.#take().finally(() => this.#underWay.delete(turn))
    this.#underWay.add(turn)
  }

  async #take(): Promise<void> {
    const { turn, onFailure } = this.#parts
    let isBusy = false
    try {
      isBusy = await turn()
      this.#failures = 0
    } catch (error) {
      onFailure(error)
      this.#failures++
    }
    if (!this.#isRunning) return
    if (this.#failures > 0) this.#backOff()
    else if (isBusy || this.#isMissed) {
      this.#isMissed = false
      this.wake()
    }
  }

  #backOff(): void {
    const ms = Math.min(FIRST_BACK_OFF_MS * 2 ** (this.#failures - 1), POLL_MS)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.wake(), ms)
  }
}

/** What suits a store. */
export interface Pace {
  /** While a server stores what one turn has prepared, the next ones go on. 1: nothing is awaited. */
  readonly turnsAtOnce: number
  /** So many events are unpacked together, and stored in one transaction. */
  readonly pageEvents: number
  /** So long is read for them; one piece may take longer. */
  readonly readingMs: number
}

/** Acknowledgements wait for it, and for one page. */
export const IN_THREAD: Pace = { turnsAtOnce: 1, pageEvents: 500, readingMs: 8 }
/** A statement costs as much as a hundred events. Nobody waits for it. */
export const ON_SERVER: Pace = { turnsAtOnce: 2, pageEvents: 1_500, readingMs: 30 }

/** So long a page waits for room at its handlers, rather than be read from the store again. */
const ROOM_WAIT_MS = 25
/**
 * Where that was in vain pages do not wait for so long, and twice as long after each further time: one
 * that was only short of the processor catches up soon, for a slow one nobody waits.
 */
const NO_WAIT_MS = { first: 50, most: 1_000 }

/** Whether a page should wait a moment, as its handlers are full. */
export class RoomWait {
  readonly #onTimeUp: () => void
  #timer: NodeJS.Timeout | undefined
  #fullSince: number | undefined
  #waitsAgainAt = 0
  #noWaitMs = NO_WAIT_MS.first

  /** `onTimeUp`: it has waited long enough. */
  constructor(onTimeUp: () => void) {
    this.#onTimeUp = onTimeUp
  }

  /** `now`: milliseconds of a clock that only goes forward. */
  isDue(hasRoom: boolean, now: number): boolean {
    if (hasRoom) this.#noWaitMs = NO_WAIT_MS.first
    this.#fullSince = hasRoom || now < this.#waitsAgainAt ? undefined : (this.#fullSince ?? now)
    if (this.#fullSince === undefined) return false
    const leftMs = this.#fullSince + ROOM_WAIT_MS - now
    if (leftMs <= 0) {
      this.#fullSince = undefined
      this.#waitsAgainAt = now + this.#noWaitMs
      this.#noWaitMs = Math.min(2 * this.#noWaitMs, NO_WAIT_MS.most)
      return false
    }
    this.stop()
    this.#timer = setTimeout(this.#onTimeUp, leftMs)
    return true
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
