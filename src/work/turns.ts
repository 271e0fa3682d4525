/** How long after a failure the next turn comes; twice as long after each further one. */
const FIRST_BACK_OFF_MS = 100
const LAST_BACK_OFF_MS = 5_000

export interface TurnsParts {
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
    const ms = Math.min(FIRST_BACK_OFF_MS * 2 ** (this.#failures - 1), LAST_BACK_OFF_MS)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.wake(), ms)
  }
}
