import type { JobLedger } from './job-ledger.ts'

export interface JobDeadlineOptions {
  readonly ledger: JobLedger
  /** How long an attempt may take, and how long its process may then take to say so. */
  readonly limitMs: number
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  /** An attempt has gone on for longer. */
  readonly onOverrun: () => void
  /** Nothing runs, jobs wait, and for so long the process has not said a word. */
  readonly onSilence: () => void
}

/** Watches that a process goes on with the jobs in its hands. */
export class JobDeadline {
  readonly #options: JobDeadlineOptions
  #timer: NodeJS.Timeout | undefined
  #heardAt = 0

  constructor(options: JobDeadlineOptions) {
    this.#options = options
  }

  /** To be called when jobs are handed over. */
  arm(): void {
    const since = this.#findSince()
    if (this.#timer !== undefined || since === undefined) return
    const { limitMs, now } = this.#options
    // Our own loop may have been held up: what waits in the pipe is read before judging by time.
    const afterReading = () => setImmediate(() => setImmediate(() => this.#check()))
    this.#timer = setTimeout(afterReading, Math.max(1, since + limitMs - now()))
  }

  /** The process has said something. */
  noteWord(): void {
    this.#heardAt = this.#options.now()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** Attempts start in order and have the same time, so the first one's deadline is the next. */
  #findSince(): number | undefined {
    const { ledger } = this.#options
    const handedAt = ledger.firstHandedAt()
    return (
      ledger.firstStartedAt() ??
      (handedAt === undefined ? undefined : Math.max(handedAt, this.#heardAt))
    )
  }

  #check(): void {
    this.#timer = undefined
    const { ledger, limitMs, now, onOverrun, onSilence } = this.#options
    const since = this.#findSince()
    if (since === undefined || now() - since < limitMs) return this.arm()
    if (ledger.firstStartedAt() === undefined) onSilence()
    else onOverrun()
  }
}
