import { basename } from 'node:path'
import type { AttemptName, ClaimedJob, HandlerRegistration, SettledAttempt } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import type { Store } from '../store/store.ts'
import { chooseConcurrency, type LoadFailure, type ReadyFacts } from './channel-frames.ts'
import { HandlerSuccession } from './handler-succession.ts'
import type { LaneSettings } from './lane-settings.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import { type EndedJob, releaseJob } from './process/ended-job.ts'
import { decideOutcome, type RetryPolicy } from './retry-policy.ts'
import type { Settler } from './settler.ts'
import type { StoreWatch } from './store-watch.ts'
import { Suspects } from './suspects.ts'

/** Jobs in a process's hands: enough to keep it busy while the store is asked for more. */
const MAX_WINDOW = 1_000
const MAX_WINDOW_BYTES = 16 * 1024 * 1024
const MAX_BATCH = 500
const MAX_CLAIM = 500
/** Outcomes not recorded yet; beyond that nothing more is claimed. */
const MAX_UNSETTLED = 2_000
/** After so many failures in a row a downstream is taken to be down: probe it, do not hammer. */
const TRIP_AFTER = 100
const PROBE_JOBS = 100
const POLL_MS = 1_000

export interface LaneContext {
  readonly store: Pick<Store, 'claim'>
  readonly watch: StoreWatch
  readonly settler: Settler
  readonly observer: Observer
  readonly leases: Pick<LeaseKeeper, 'secure'>
  readonly leaseMs: number
  readonly now: () => number
  readonly random: () => number
  /** Answers why a handler cannot be used; undefined when it can. */
  readonly admit: (registration: HandlerRegistration) => string | undefined
}

/** The way of one handler's jobs: claimed, handed to its process, judged, recorded. */
export class HandlerLane {
  readonly #context: LaneContext
  #settings: LaneSettings
  #policy: RetryPolicy
  readonly #succession: HandlerSuccession
  readonly #suspects = new Suspects()
  #registration: HandlerRegistration | undefined
  #poll: NodeJS.Timeout | undefined
  #window = 0
  #endedInWindow = 0
  #unsettled = 0
  #meanBytes = 1
  #failuresInRow = 0
  #mayProbe = false
  #mayHaveMore = true
  #isStopping = false
  #stopped: Promise<void> | undefined
  #claiming: Promise<void> | undefined

  constructor(settings: LaneSettings, context: LaneContext) {
    this.#settings = settings
    this.#context = context
    this.#policy = { delaysMs: settings.delaysMs, random: context.random }
    this.#succession = new HandlerSuccession(settings, {
      observer: context.observer,
      now: context.now,
      random: context.random,
      name: () => this.name,
      admit: (facts) => this.#admit(facts),
      onTakeOver: (newer) => this.#takeOver(newer),
      onReady: (facts) => this.#open(facts),
      onJobsEnded: (jobs) => this.#record(jobs),
    })
  }

  get settings(): LaneSettings {
    return this.#settings
  }

  /** Undefined until the module was loaded once. */
  get handler(): string | undefined {
    return this.#registration?.name
  }

  /** The handler's, or as long as that is not known its file's. */
  get name(): string {
    return this.handler ?? basename(this.#settings.module)
  }

  /** Attempts whose lease is to be extended, but for those that wait to be recorded. */
  *handedJobs(): Iterable<AttemptName> {
    for (const process of this.#succession.processes) yield* process.handedJobs()
  }

  /** Resolves when the module is loaded, or with the reason why it is not (yet). */
  start(): Promise<LoadFailure | undefined> {
    this.#poll = setInterval(() => {
      this.#mayProbe = true
      this.wake()
    }, POLL_MS)
    return this.#succession.current.start()
  }

  /** Runs the module anew, with these settings; see `HandlerSuccession.replace`. */
  replace(settings: LaneSettings): Promise<LoadFailure | undefined> {
    return this.#succession.replace(settings)
  }

  /** There may be jobs. */
  wake(): void {
    this.#mayHaveMore = true
    this.#fill()
  }

  /** Claims nothing more; resolves when the process has finished what runs. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  abort(): void {
    this.#succession.abort()
  }

  kill(): void {
    this.#succession.kill()
  }

  async #stop(): Promise<void> {
    this.#isStopping = true
    clearInterval(this.#poll)
    await Promise.all([this.#succession.stop(), this.#claiming])
  }

  #takeOver(settings: LaneSettings): void {
    this.#settings = settings
    this.#policy = { delaysMs: settings.delaysMs, random: this.#context.random }
  }

  #admit({ name, keys, takesBatches }: ReadyFacts): string | undefined {
    if (this.#registration && this.#registration.name !== name) {
      return `The handler is now called ${name}, and was ${this.#registration.name}: restart the receiver.`
    }
    const registration = { name, module: this.#settings.module, keys, takesBatches }
    const problem = this.#context.admit(registration)
    if (problem !== undefined) return problem
    if (this.name !== name) this.#context.observer.handlerForgotten({ handler: this.name })
    this.#registration = registration
    return undefined
  }

  /** A new process begins with little: one that crashes then costs little. */
  #open({ takesBatches }: ReadyFacts): void {
    const concurrency = chooseConcurrency(this.#settings.concurrency, takesBatches)
    this.#window = 2 * concurrency * (takesBatches ? MAX_BATCH : 1)
    this.#endedInWindow = 0
    this.wake()
  }

  #fill(): void {
    if (this.#room() <= 0) return
    this.#claiming ??= this.#claimAll().finally(() => {
      this.#claiming = undefined
    })
  }

  async #claimAll(): Promise<void> {
    for (let limit = this.#room(); limit > 0; limit = this.#room()) {
      this.#mayHaveMore = false
      this.#mayProbe = false
      const jobs = await this.#claim(limit)
      if (jobs.length >= limit) this.#mayHaveMore = true
      this.#hand(jobs)
    }
  }

  async #claim(limit: number): Promise<readonly ClaimedJob[]> {
    const { store, watch, leases, leaseMs } = this.#context
    const handler = this.#registration?.name ?? ''
    try {
      // A store that was away longer than a lease would hand out again what is still in our hands.
      await leases.secure()
      const jobs = await store.claim({ handler, limit, leaseMs })
      watch.succeeded()
      return jobs
    } catch (error) {
      watch.failed(error)
      return []
    }
  }

  #hand(jobs: readonly ClaimedJob[]): void {
    if (jobs.length === 0) return
    const bytes = jobs.reduce((sum, job) => sum + job.payload.length, 0)
    this.#meanBytes = Math.max(1, bytes / jobs.length)
    const process = this.#succession.current.accepting
    if (!process) return this.#record(jobs.map((job) => releaseJob({ ...job, bytes: 0 })))
    const { suspects, others } = this.#suspects.split(jobs)
    process.run(others)
    // After the others, so that these go on however often a suspect ends the process.
    process.run(suspects, true)
  }

  /** How many jobs to claim now. Only when half of the window is free: few, large claims. */
  #room(): number {
    const process = this.#succession.current.accepting
    if (!process || this.#isStopping || !this.#mayHaveMore) return 0
    const settleRoom = MAX_UNSETTLED + this.#window - this.#unsettled
    const room = Math.min(this.#window - process.jobs, settleRoom)
    if (room < this.#window / 2) return 0
    const isTripped = this.#failuresInRow >= TRIP_AFTER
    if (isTripped && !this.#mayProbe) return 0
    const bytesLeft = MAX_WINDOW_BYTES - process.bytes
    const inBytes = bytesLeft <= 0 ? 0 : Math.max(1, Math.floor(bytesLeft / this.#meanBytes))
    return Math.min(room, inBytes, isTripped ? PROBE_JOBS : MAX_CLAIM)
  }

  /** Judges what has ended and has it recorded. */
  #record(ended: readonly EndedJob[]): void {
    if (ended.length === 0) return
    this.#noteEnds(ended)
    const attempts = ended.map((end): SettledAttempt => {
      const { job, durationMs, result } = end
      const { event, handler, attempt, fence, batch, type } = job
      const outcome = decideOutcome(attempt, result, this.#policy)
      this.#suspects.note(end, outcome)
      const error = 'error' in outcome ? outcome.error : undefined
      this.#context.observer.attemptEnded({
        handler,
        event,
        batch,
        type,
        attempt,
        outcome: outcome.kind,
        durationMs,
        error,
      })
      return { event, handler, attempt, fence, durationMs, outcome }
    })
    this.#unsettled += attempts.length
    void this.#context.settler.add(attempts).then(() => {
      this.#unsettled -= attempts.length
      this.#fill()
    })
    this.#fill()
  }

  #noteEnds(ended: readonly EndedJob[]): void {
    let run = 0
    for (const { job, result, isSuspect } of ended) {
      if (isSuspect && this.#suspects.has(job)) this.#succession.current.noteKnownCrash()
      if (result.kind !== 'released') run++
      if (result.kind === 'retry') this.#failuresInRow++
      if (result.kind === 'done') {
        this.#failuresInRow = 0
        this.#succession.current.noteSuccess()
      }
    }
    this.#succession.current.noteJobs(run)
    this.#endedInWindow += run
    if (this.#endedInWindow < this.#window) return
    this.#endedInWindow = 0
    this.#window = Math.max(this.#window, Math.min(2 * this.#window, MAX_WINDOW))
  }
}
