import type { SettledAttempt } from '../model.ts'
import type { Store } from '../store/store.ts'
import type { StoreWatch } from './store-watch.ts'

/** How long the first outcome of a group waits for company. */
const LINGER_MS = 5
const MAX_PER_CALL = 500
const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 5_000

interface Group {
  readonly attempts: readonly SettledAttempt[]
  readonly resolve: () => void
}

/** Records outcomes, many in one transaction, and does not let go of them while the store fails. */
export class Settler {
  readonly #store: Pick<Store, 'settle'>
  readonly #watch: StoreWatch
  #groups: Group[] = []
  #current: readonly SettledAttempt[] = []
  #running: Promise<void> | undefined
  #isAbandoned = false
  #refused = 0
  #hurry = () => {}

  constructor(store: Pick<Store, 'settle'>, watch: StoreWatch) {
    this.#store = store
    this.#watch = watch
  }

  /** Outcomes that came too late: their lease had ended and the job was claimed anew. */
  get refused(): number {
    return this.#refused
  }

  /** Resolves once these are recorded, or given up. */
  async add(attempts: readonly SettledAttempt[]): Promise<void> {
    const groups: Promise<void>[] = []
    for (let from = 0; from < attempts.length; from += MAX_PER_CALL) {
      const part = attempts.slice(from, from + MAX_PER_CALL)
      groups.push(new Promise((resolve) => this.#groups.push({ attempts: part, resolve })))
    }
    this.#running ??= this.#run()
    await Promise.all(groups)
  }

  /** What is not recorded yet. */
  *unsettled(): Generator<SettledAttempt> {
    yield* this.#current
    for (const group of this.#groups) yield* group.attempts
  }

  /** Resolves once all are recorded. */
  async flush(): Promise<void> {
    this.#hurry()
    await this.#running
  }

  /** Gives up what cannot be recorded: it is run again when its lease has ended. */
  abandon(): void {
    this.#isAbandoned = true
    this.#hurry()
  }

  async #run(): Promise<void> {
    await this.#wait(LINGER_MS)
    while (this.#groups.length > 0) {
      const groups = this.#takeGroups()
      this.#current = groups.flatMap((group) => group.attempts)
      await this.#settle(this.#current)
      this.#current = []
      for (const group of groups) group.resolve()
    }
    this.#running = undefined
  }

  #takeGroups(): Group[] {
    let attempts = 0
    let count = 0
    for (const group of this.#groups) {
      attempts += group.attempts.length
      if (count > 0 && attempts > MAX_PER_CALL) break
      count++
    }
    return this.#groups.splice(0, count)
  }

  async #settle(attempts: readonly SettledAttempt[]): Promise<void> {
    for (
      let retryMs = FIRST_RETRY_MS;
      !this.#isAbandoned;
      retryMs = Math.min(2 * retryMs, MAX_RETRY_MS)
    ) {
      try {
        this.#refused += await this.#store.settle(attempts)
        return this.#watch.succeeded()
      } catch (error) {
        this.#watch.failed(error)
        await this.#wait(retryMs)
      }
    }
  }

  #wait(ms: number): Promise<void> {
    if (this.#isAbandoned) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
