import type { AttemptName, ClaimedJob } from '../../model.ts'

/** A claimed job in a child's hands; its payload is not kept here. */
export interface HandedJob extends AttemptName, Pick<ClaimedJob, 'batch' | 'type'> {
  /** Size of its payload. */
  readonly bytes: number
}

export interface StartedJob extends HandedJob {
  /** Milliseconds of the monotonic clock. */
  readonly startedAt: number
}

/** In the ledger a job starts by getting its time: a copy for each would be felt. */
interface Entry extends HandedJob {
  readonly handedAt: number
  startedAt: number
}

/** What one child was handed and has not ended. A token works once, and only for what was handed. */
export class JobLedger {
  /** In the order in which they were handed over. */
  readonly #queued = new Map<number, Entry>()
  /** In the order in which they started. */
  readonly #started = new Map<number, Entry>()
  #lastToken = 0
  #bytes = 0

  get size(): number {
    return this.#queued.size + this.#started.size
  }

  get bytes(): number {
    return this.#bytes
  }

  *jobs(): Generator<HandedJob> {
    yield* this.#queued.values()
    yield* this.#started.values()
  }

  startedTokens(): number[] {
    return [...this.#started.keys()]
  }

  /** Answers the job's token. */
  hand(job: ClaimedJob, handedAt: number): number {
    const { event, handler, attempt, fence, batch, type } = job
    const bytes = job.payload.length
    this.#lastToken++
    this.#bytes += bytes
    const entry = { event, handler, attempt, fence, batch, type, bytes, handedAt, startedAt: 0 }
    this.#queued.set(this.#lastToken, entry)
    return this.#lastToken
  }

  /** False for a token that is not queued. */
  start(token: number, now: number): boolean {
    const job = this.#queued.get(token)
    if (!job) return false
    this.#queued.delete(token)
    job.startedAt = now
    this.#started.set(token, job)
    return true
  }

  /** Takes out a job that has started; undefined when it has not. */
  end(token: number): StartedJob | undefined {
    const job = this.#started.get(token)
    if (job) this.#forget(this.#started, token, job)
    return job
  }

  /** Takes out a job that has not started; undefined when it has. */
  takeBack(token: number): HandedJob | undefined {
    const job = this.#queued.get(token)
    if (job) this.#forget(this.#queued, token, job)
    return job
  }

  /** When the job that runs longest started; undefined when none runs. */
  firstStartedAt(): number | undefined {
    for (const job of this.#started.values()) return job.startedAt
    return undefined
  }

  /** When the job that waits longest was handed over; undefined when none waits. */
  firstHandedAt(): number | undefined {
    for (const job of this.#queued.values()) return job.handedAt
    return undefined
  }

  /** Takes out everything. */
  clear(): { queued: HandedJob[]; started: StartedJob[] } {
    const all = { queued: [...this.#queued.values()], started: [...this.#started.values()] }
    this.#queued.clear()
    this.#started.clear()
    this.#bytes = 0
    return all
  }

  #forget(jobs: Map<number, HandedJob>, token: number, job: HandedJob): void {
    jobs.delete(token)
    this.#bytes -= job.bytes
  }
}
