import { describeError } from '../../handlers/describe-error.ts'
import type { HandlerLog } from '../../handlers/handler-context.ts'
import type { LoadedHandler } from '../../handlers/load-handler.ts'
import { type AttemptEnd, runAttempt, runBatch } from '../../handlers/run-attempt.ts'
import { chooseConcurrency, type TokenJob } from '../channel-frames.ts'
import { showDuration } from '../show-duration.ts'
import { HostRun } from './host-run.ts'

const MAX_BATCH = 500

export interface HostJobsContext {
  readonly handler: LoadedHandler
  readonly concurrency: number | undefined
  readonly timeoutMs: number
  readonly log: HandlerLog
  /** Called when there is something to start or to tell. */
  readonly onChange: () => void
}

/** The child's jobs: queued, running, ended but not told. Whoever drives it tells the parent. */
export class HostJobs {
  readonly #concurrency: number
  readonly #context: HostJobsContext
  readonly #now = performance.now.bind(performance)
  readonly #setTimeout = setTimeout
  readonly #stringify = JSON.stringify
  /** In the order in which they started. */
  readonly #running = new Set<HostRun>()
  #queue: TokenJob[] = []
  #done: number[] = []
  #failures: string[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(context: HostJobsContext) {
    this.#context = context
    this.#concurrency = chooseConcurrency(context.concurrency, context.handler.takesBatches)
  }

  get isIdle(): boolean {
    return this.#running.size === 0 && this.#done.length === 0 && this.#failures.length === 0
  }

  get hasNews(): boolean {
    return this.#done.length > 0 || this.#failures.length > 0
  }

  queue(jobs: readonly TokenJob[]): void {
    for (const job of jobs) this.#queue.push(job)
    this.#context.onChange()
  }

  /** Empties the queue; answers the tokens. */
  giveBack(): number[] {
    const tokens = this.#queue.map((job) => job.token)
    this.#queue = []
    return tokens
  }

  abort(tokens: readonly number[]): void {
    const aborted = new Set(tokens)
    for (const run of this.#running) {
      if (run.jobs.some((job) => aborted.has(job.token))) run.abort()
    }
  }

  /** Takes from the queue what has room to run now. */
  takeWave(): TokenJob[][] {
    const size = this.#context.handler.takesBatches ? MAX_BATCH : 1
    const taken = this.#queue.slice(0, this.#countRunnable(size))
    if (taken.length === 0) return []
    this.#queue = this.#queue.slice(taken.length)
    const wave: TokenJob[][] = []
    for (let from = 0; from < taken.length; from += size) wave.push(taken.slice(from, from + size))
    return wave
  }

  /** How many of the queue may start beside what runs; `size` of them make a run. */
  #countRunnable(size: number): number {
    const [run] = this.#running
    if (run?.jobs[0]?.isAlone) return 0
    if (this.#queue[0]?.isAlone) return run ? 0 : 1
    const room = Math.max(0, this.#concurrency - this.#running.size) * size
    const firstAlone = this.#queue.slice(0, room).findIndex((job) => job.isAlone)
    return firstAlone === -1 ? room : firstAlone
  }

  start(jobs: readonly TokenJob[]): void {
    const run = new HostRun(jobs, this.#now())
    this.#running.add(run)
    this.#armTimer()
    void this.#call(run).then((ends) => this.#end(run, ends))
  }

  /** Takes out what has ended, as members of a frame. Empty text when nothing has. */
  takeEnds(maxFailures: number): string {
    const members: string[] = []
    if (this.#done.length > 0) members.push(`"done":[${this.#done.join(',')}]`)
    const failures = this.#failures.splice(0, maxFailures)
    if (failures.length > 0) members.push(`"failures":[${failures.join(',')}]`)
    this.#done = []
    return members.join(',')
  }

  async #call(run: HostRun): Promise<readonly AttemptEnd[]> {
    const { handler, log } = this.#context
    const means = run.describeMeans(log)
    const [job] = run.jobs
    try {
      if (handler.takesBatches) return await runBatch(handler, run.jobs, means)
      return job ? [await runAttempt(handler, job, means)] : []
    } catch (error) {
      const end: AttemptEnd = { kind: 'retry', error: describeError(error) }
      return run.jobs.map(() => end)
    }
  }

  #end(run: HostRun, ends: readonly AttemptEnd[]): void {
    if (!this.#running.delete(run)) return
    const overdue = `timed out after ${showDuration(this.#context.timeoutMs)}`
    run.jobs.forEach((job, index) => {
      const end = run.isOverdue ? ({ kind: 'retry', error: overdue } as const) : ends[index]
      if (end?.kind === 'done') this.#done.push(job.token)
      else if (end) this.#failures.push(this.#stringify({ token: job.token, ...end }))
    })
    this.#context.onChange()
  }

  #armTimer(): void {
    if (this.#timer !== undefined) return
    const first = this.#firstInTime()
    if (!first) return
    const waitMs = first.startedAt + this.#context.timeoutMs - this.#now()
    this.#timer = this.#setTimeout(() => this.#abortOverdue(), Math.max(1, waitMs))
  }

  #firstInTime(): HostRun | undefined {
    for (const run of this.#running) if (!run.isOverdue) return run
    return undefined
  }

  /** An attempt that is over its time has failed, whatever it answers now. */
  #abortOverdue(): void {
    this.#timer = undefined
    const now = this.#now()
    const text = `The attempt timed out after ${showDuration(this.#context.timeoutMs)}.`
    for (const run of this.#running) {
      if (now - run.startedAt < this.#context.timeoutMs) break
      if (run.isOverdue) continue
      run.isOverdue = true
      run.abort(new DOMException(text, 'TimeoutError'))
    }
    this.#armTimer()
  }
}
