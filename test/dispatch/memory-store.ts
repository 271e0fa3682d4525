import type { ClaimedJob, SettledAttempt } from '../../src/model.ts'
import type { ClaimRequest, Store, StoreHint } from '../../src/store/store.ts'

type Job = Omit<ClaimedJob, 'attempt' | 'fence'>

export interface KeptJob extends Job {
  state: 'pending' | 'done' | 'dead'
  attempt: number
  fence: number
  /** When it is due, or its lease ends. */
  dueAt: number
  /** What was recorded, in order. */
  readonly attempts: SettledAttempt[]
}

/** The part of a store that the dispatcher needs, in memory, with the meaning of the real one. */
export class MemoryStore implements Pick<Store, 'claim' | 'extend' | 'settle' | 'onHint'> {
  readonly jobs = new Map<string, KeptJob>()
  readonly calls = { claim: 0, extend: 0, settle: 0 }
  claimed = 0
  extended = 0
  /** Set to make every call fail. */
  failure: Error | undefined
  readonly #now: () => number
  readonly #due = new Map<string, KeptJob[]>()
  readonly #listeners = new Set<(hint: StoreHint) => void>()

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  add(jobs: readonly Job[]): void {
    for (const job of jobs) {
      const kept: KeptJob = {
        ...job,
        state: 'pending',
        attempt: 0,
        fence: 0,
        dueAt: 0,
        attempts: [],
      }
      this.jobs.set(`${job.handler} ${job.event}`, kept)
      this.#queue(kept)
    }
    this.hint()
  }

  hint(): void {
    for (const listener of this.#listeners) listener('jobs')
  }

  get(handler: string, event: string): KeptJob {
    const job = this.jobs.get(`${handler} ${event}`)
    if (!job) throw new Error(`No job ${handler} ${event}`)
    return job
  }

  count(handler: string, state: KeptJob['state']): number {
    let count = 0
    for (const job of this.jobs.values())
      if (job.handler === handler && job.state === state) count++
    return count
  }

  /** Attempts whose lease has not ended, as far as the store knows. */
  leased(handler: string): number {
    let count = 0
    for (const job of this.jobs.values()) {
      if (job.handler === handler && job.state === 'pending' && job.dueAt > this.#now()) count++
    }
    return count
  }

  async claim({ handler, limit, leaseMs }: ClaimRequest): Promise<readonly ClaimedJob[]> {
    this.calls.claim++
    if (this.failure) throw this.failure
    const now = this.#now()
    const claimed: ClaimedJob[] = []
    const waiting = this.#due.get(handler) ?? []
    const later: KeptJob[] = []
    let read = 0
    for (; read < waiting.length && claimed.length < limit; read++) {
      const job = waiting[read] as KeptJob
      if (job.state !== 'pending') continue
      later.push(job)
      if (job.dueAt > now) continue
      job.attempt++
      job.fence++
      job.dueAt = now + leaseMs
      const { state: _, dueAt: __, attempts: ___, ...seen } = job
      claimed.push(seen)
    }
    waiting.splice(0, read)
    for (const job of later) waiting.push(job)
    this.claimed += claimed.length
    return claimed
  }

  async extend(attempts: Parameters<Store['extend']>[0], leaseMs: number): Promise<void> {
    this.calls.extend++
    if (this.failure) throw this.failure
    for (const { event, handler, fence } of attempts) {
      const job = this.get(handler, event)
      if (job.fence !== fence || job.state !== 'pending') continue
      job.dueAt = this.#now() + leaseMs
      this.extended++
    }
  }

  async settle(attempts: readonly SettledAttempt[]): Promise<number> {
    this.calls.settle++
    if (this.failure) throw this.failure
    let refused = 0
    for (const settled of attempts) {
      const job = this.get(settled.handler, settled.event)
      if (job.fence === settled.fence && job.state === 'pending') this.#record(job, settled)
      else refused++
    }
    return refused
  }

  onHint(listener: (hint: StoreHint) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #record(job: KeptJob, settled: SettledAttempt): void {
    const { outcome } = settled
    job.attempts.push(settled)
    if (outcome.kind === 'done' || outcome.kind === 'dead') job.state = outcome.kind
    else job.dueAt = outcome.kind === 'retry' ? this.#now() + outcome.delayMs : 0
    if (outcome.kind === 'released') job.attempt--
  }

  #queue(job: KeptJob): void {
    const waiting = this.#due.get(job.handler)
    if (waiting) waiting.push(job)
    else this.#due.set(job.handler, [job])
  }
}

let events = 0

/** Jobs for a handler, of Mailtrap events that say what they are. */
export function makeJobs(
  handler: string,
  count: number,
  extra: Readonly<Record<string, unknown>> = {},
): Job[] {
  return Array.from({ length: count }, (_, index) => {
    const number = ++events
    const event = {
      event: 'delivery',
      event_id: `0190a000-0000-7000-8000-${String(number).padStart(12, '0')}`,
      message_id: `message-${number}`,
      email: `user${number}@example.com`,
      timestamp: 1_768_651_200,
      sending_stream: 'transactional',
      sending_domain_name: 'mail.example.com',
      category: 'Invoice',
      custom_variables: { index, ...extra },
    }
    return {
      event: String(number),
      batch: 'b1',
      handler,
      provider: 'mailtrap',
      source: 'mailtrap',
      type: 'delivery',
      name: 'email.delivered',
      key: `key-${number}`,
      receivedAt: 1_768_651_201_000,
      occurredAt: 1_768_651_200_000,
      payload: JSON.stringify(event),
    }
  })
}
