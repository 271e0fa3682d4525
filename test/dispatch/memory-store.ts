import type { Outcome } from '../../src/model.ts'
import type {
  BatchFacts,
  ClaimedJob,
  ClaimRequest,
  EndedJob,
  HeldWork,
  OpenRun,
  RunEvent,
  RunProgress,
} from '../../src/store/store.ts'

/** An event that a handler is to run. */
export interface TestEvent {
  readonly event: number
  readonly handler: string
  readonly key: Uint8Array
  readonly payload: Buffer
}

export interface KeptEvent extends TestEvent {
  state: 'pending' | 'done' | 'dead'
  /** Of the run that it is in, or of its job. 0: nothing was ever opened or claimed. */
  attempt: number
  spared: number
  fence: number
  /** It has a job of its own. */
  isJob: boolean
  isAlone: boolean
  /** When its job is due, or the lease of it ends. */
  dueAt: number
  /** What was recorded, in order. */
  readonly attempts: { readonly outcome: Outcome; readonly durationMs: number }[]
}

interface KeptRun {
  readonly id: number
  readonly handler: string
  readonly batch: BatchFacts
  readonly body: Buffer
  readonly events: readonly RunEvent[]
  fence: number
  opened: number
  leasedUntil: number
}

const MAX_RUN_EVENTS = 500

/** The part of a store that a loop needs for its lanes, in memory, with the meaning of the real one. */
export class MemoryStore {
  readonly events = new Map<string, KeptEvent>()
  readonly calls = { claim: 0, commit: 0 }
  claimed = 0
  extended = 0
  /** Outcomes that came too late. */
  refused = 0
  /** Set to make every call fail. */
  failure: Error | undefined
  /** Called when something was claimed, before whoever did knows it. */
  onClaimed: () => void = () => {}
  /** Called when there is work. */
  onWork: () => void = () => {}
  readonly #runs: KeptRun[] = []
  readonly #jobs = new Map<string, Set<KeptEvent>>()
  readonly #now = () => performance.now()

  /** As a batch of its own for each handler, in runs of up to 500 events. */
  add(events: readonly TestEvent[]): void {
    for (const handler of new Set(events.map((event) => event.handler))) {
      const own = events.filter((event) => event.handler === handler)
      for (let from = 0; from < own.length; from += MAX_RUN_EVENTS) {
        this.#addRun(handler, own.slice(from, from + MAX_RUN_EVENTS))
      }
    }
    this.onWork()
  }

  get(handler: string, event: number): KeptEvent {
    const kept = this.events.get(`${handler} ${event}`)
    if (!kept) throw new Error(`No event ${event} for ${handler}`)
    return kept
  }

  count(handler: string, state: KeptEvent['state']): number {
    let count = 0
    for (const kept of this.events.values()) {
      if (kept.handler === handler && kept.state === state) count++
    }
    return count
  }

  /** Events whose lease has not ended, as far as the store knows. */
  leased(handler: string): number {
    const now = this.#now()
    const runs = this.#runs.filter((run) => run.handler === handler && run.leasedUntil > now)
    const inRuns = runs.reduce((sum, run) => sum + this.#openOf(run).length, 0)
    return inRuns + [...this.#jobsOf(handler)].filter(({ dueAt }) => dueAt > now).length
  }

  claimRuns({ handler, events, bytes, leaseMs }: ClaimRequest): OpenRun[] {
    this.#call('claim')
    const now = this.#now()
    const claimed: OpenRun[] = []
    let eventsLeft = events
    let bytesLeft = bytes
    for (const run of this.#runs) {
      if (run.handler !== handler || run.leasedUntil > now) continue
      const open = this.#openOf(run)
      if (open.length === 0) continue
      if (claimed.length > 0 && (open.length > eventsLeft || run.body.length > bytesLeft)) break
      eventsLeft -= open.length
      bytesLeft -= run.body.length
      run.fence++
      run.opened++
      run.leasedUntil = now + leaseMs
      for (const { event } of open) this.get(handler, event).attempt = run.opened
      this.claimed += open.length
      const { id, batch, body, fence, opened } = run
      claimed.push({ run: id, handler, fence, opened, batch, body, events: open })
      if (eventsLeft <= 0) break
    }
    if (claimed.length > 0) this.onClaimed()
    return claimed
  }

  claimJobs({ handler, events, bytes, leaseMs }: ClaimRequest): ClaimedJob[] {
    this.#call('claim')
    const now = this.#now()
    const claimed: ClaimedJob[] = []
    let bytesLeft = bytes
    for (const job of this.#jobsOf(handler)) {
      if (job.dueAt > now) continue
      if (claimed.length === events || (claimed.length > 0 && job.payload.length > bytesLeft)) break
      bytesLeft -= job.payload.length
      job.attempt++
      job.fence++
      job.dueAt = now + leaseMs
      const { event, fence, attempt, spared, isAlone, key, payload } = job
      const counted = attempt - spared
      const facts = { event, handler, attempt, counted, fence, isAlone, key, payload }
      claimed.push({ ...facts, batch: BATCH, type: 'delivery' })
    }
    this.claimed += claimed.length
    if (claimed.length > 0) this.onClaimed()
    return claimed
  }

  commit(progress: readonly RunProgress[], jobs: readonly EndedJob[]): void {
    this.#call('commit')
    for (const one of progress) this.refused += this.#recordRun(one)
    for (const one of jobs) this.refused += this.#recordJob(one)
  }

  extend({ runs, jobs }: Pick<HeldWork, 'runs' | 'jobs'>, leaseMs: number): void {
    if (this.failure) throw this.failure
    const until = this.#now() + leaseMs
    for (const { run, fence } of runs) {
      const kept = this.#runs.find(({ id }) => id === run)
      if (kept?.fence !== fence) continue
      kept.leasedUntil = until
      this.extended++
    }
    for (const { event, handler, fence } of jobs) {
      const kept = this.get(handler, event)
      if (kept.fence === fence && kept.state === 'pending') kept.dueAt = until
    }
  }

  /** As if their lease had ended, and somebody else had opened them. */
  stealRuns(): void {
    for (const run of this.#runs) {
      run.fence++
      run.leasedUntil = Number.POSITIVE_INFINITY
    }
  }

  /** When the next job that waits is due. */
  nextDue(): number {
    const waiting = [...this.#jobs.values()].flatMap((jobs) => [...jobs])
    return waiting.reduce((first, { dueAt }) => Math.min(first, dueAt), Number.POSITIVE_INFINITY)
  }

  #call(name: keyof MemoryStore['calls']): void {
    this.calls[name]++
    if (this.failure) throw this.failure
  }

  #addRun(handler: string, events: readonly TestEvent[]): void {
    const placed: RunEvent[] = []
    let start = 1
    for (const added of events) {
      const { event, key, payload } = added
      placed.push({ event, start, bytes: payload.length, keys: key, keyAt: 0, type: 'delivery' })
      start += payload.length + 1
      const fresh = { attempt: 0, spared: 0, fence: 0, isJob: false, isAlone: false, dueAt: 0 }
      const kept: KeptEvent = { ...added, ...fresh, state: 'pending', attempts: [] }
      this.events.set(`${handler} ${event}`, kept)
    }
    const body = Buffer.from(`[${events.map(({ payload }) => payload).join(',')}]`)
    const id = this.#runs.length + 1
    const run = { id, handler, batch: BATCH, body, events: placed }
    this.#runs.push({ ...run, fence: 0, opened: 0, leasedUntil: 0 })
  }

  #openOf({ handler, events }: KeptRun): RunEvent[] {
    return events.filter(({ event }) => {
      const { state, isJob } = this.get(handler, event)
      return state === 'pending' && !isJob
    })
  }

  #jobsOf(handler: string): Set<KeptEvent> {
    const jobs = this.#jobs.get(handler) ?? new Set()
    this.#jobs.set(handler, jobs)
    return jobs
  }

  #recordRun({ run: id, handler, fence, done, doneMs, failed, isGivenBack }: RunProgress): number {
    const run = this.#runs.find((kept) => kept.id === id)
    if (!run || run.fence !== fence) return done.length + failed.length
    for (const [n, event] of done.entries()) {
      const kept = this.get(handler, event)
      if (kept.state !== 'pending' || kept.isJob) throw new Error(`${event} has ended before`)
      kept.state = 'done'
      kept.attempts.push({ outcome: { kind: 'done' }, durationMs: doneMs[n] as number })
    }
    for (const { event, durationMs, outcome } of failed) {
      const kept = this.get(handler, event)
      if (kept.state !== 'pending' || kept.isJob) throw new Error(`${event} has ended before`)
      kept.isJob = true
      kept.attempt = run.opened
      kept.spared = run.opened - 1
      this.#jobsOf(handler).add(kept)
      this.#record(kept, { outcome, durationMs })
    }
    if (isGivenBack) run.leasedUntil = 0
    return 0
  }

  #recordJob({ event, handler, fence, durationMs, outcome }: EndedJob): number {
    const job = this.get(handler, event)
    if (job.fence !== fence || job.state !== 'pending') return 1
    this.#record(job, { outcome, durationMs })
    return 0
  }

  #record(job: KeptEvent, end: { outcome: Outcome; durationMs: number }): void {
    const { outcome } = end
    job.attempts.push(end)
    job.dueAt = outcome.kind === 'retry' ? this.#now() + outcome.delayMs : 0
    if (outcome.kind === 'retry' && outcome.isSpared) job.spared++
    if (outcome.kind === 'released') job.attempt--
    if (outcome.kind === 'alone') {
      job.isAlone = true
      job.spared++
    }
    if (outcome.kind !== 'done' && outcome.kind !== 'dead') return
    job.state = outcome.kind
    this.#jobsOf(job.handler).delete(job)
  }
}

const BATCH: BatchFacts = {
  seq: 1,
  id: '0190a000-0000-7000-8000-000000000001',
  source: 'mailtrap',
  provider: 'mailtrap',
  receivedAt: 1_768_651_201_000,
}

let events = 0

/** Events for a handler, of Mailtrap, that say what they are. */
export function makeEvents(
  handler: string,
  count: number,
  extra: Readonly<Record<string, unknown>> = {},
): TestEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const number = ++events
    const id = `0190a000-0000-7000-8000-${String(number).padStart(12, '0')}`
    const event = {
      event: 'delivery',
      event_id: id,
      message_id: `message-${number}`,
      email: `user${number}@example.com`,
      timestamp: 1_768_651_200,
      sending_stream: 'transactional',
      sending_domain_name: 'mail.example.com',
      category: 'Invoice',
      custom_variables: { index, ...extra },
    }
    return {
      event: number,
      handler,
      key: Buffer.from(id.replaceAll('-', ''), 'hex'),
      payload: Buffer.from(JSON.stringify(event)),
    }
  })
}
