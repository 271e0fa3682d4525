import type { HandlerLog, HandlerMeans } from '../../handlers/handler-context.ts'
import type { LoadedHandler } from '../../handlers/load-handler.ts'
import {
  type AttemptEnd,
  callHandler,
  DONE,
  runBatch,
  toFailedEnd,
} from '../../handlers/run-attempt.ts'
import { describeOverrun } from '../channel-frames.ts'
import type { HostNews } from './host-news.ts'
import type { HostJob } from './host-page.ts'
import { AbortController, DOMException, now, startTimer } from './untouched.ts'

type OnLine = HostNews['addLine']

/**
 * The log of one attempt. Each of its functions is made when it is looked at: most attempts write nothing,
 * and some handlers take the functions out.
 */
class AttemptLog implements HandlerLog {
  readonly #jobs: readonly HostJob[]
  readonly #onLine: OnLine

  constructor(jobs: readonly HostJob[], onLine: OnLine) {
    this.#jobs = jobs
    this.#onLine = onLine
  }

  get debug(): HandlerLog['debug'] {
    return (...line) => this.#onLine('debug', line, this.#jobs)
  }

  get info(): HandlerLog['info'] {
    return (...line) => this.#onLine('info', line, this.#jobs)
  }

  get warn(): HandlerLog['warn'] {
    return (...line) => this.#onLine('warn', line, this.#jobs)
  }

  get error(): HandlerLog['error'] {
    return (...line) => this.#onLine('error', line, this.#jobs)
  }
}

/** A call of the handler: with one event, or with those of an `onBatch`. */
export class Attempt implements HandlerMeans {
  readonly jobs: readonly HostJob[]
  readonly log: HandlerLog
  startedAt = 0
  isOverdue = false
  #controller: AbortController | undefined

  constructor(jobs: readonly HostJob[], onLine: OnLine) {
    this.jobs = jobs
    this.log = new AttemptLog(jobs, onLine)
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  abort(reason?: unknown): void {
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }
}

export interface AttemptsOptions {
  readonly handler: LoadedHandler
  readonly timeoutMs: number
  readonly onLine: OnLine
  readonly onEnd: (job: HostJob, end: AttemptEnd, ms: number) => void
  /** Called after the events of an attempt have ended. */
  readonly onRoom: () => void
}

/**
 * The attempts that run, in the order in which they started. No Set, of which V8 chains the tables that
 * it has outgrown: one of them in old space keeps all that was ever in those behind it.
 */
export class HostAttempts {
  readonly #options: AttemptsOptions
  readonly #overdue: AttemptEnd
  readonly #running: Attempt[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(options: AttemptsOptions) {
    this.#options = options
    this.#overdue = { kind: 'retry', error: describeOverrun(options.timeoutMs) }
  }

  get count(): number {
    return this.#running.length
  }

  /** Whether what runs must be the only one. */
  get isAlone(): boolean {
    return this.#running[0]?.jobs[0]?.page.isAlone === true
  }

  /** Counts as running from now on, and is to be started at once. */
  add(jobs: readonly HostJob[]): Attempt {
    const attempt = new Attempt(jobs, this.#options.onLine)
    this.#running.push(attempt)
    return attempt
  }

  start(wave: readonly Attempt[]): void {
    for (const attempt of wave) void this.#run(attempt)
    if (this.#timer === undefined) this.#checkTime()
  }

  abort(): void {
    for (const attempt of this.#running) attempt.abort()
  }

  async #run(attempt: Attempt): Promise<void> {
    const { handler } = this.#options
    const { jobs } = attempt
    attempt.startedAt = now()
    let ends: AttemptEnd | readonly AttemptEnd[] = DONE
    try {
      const [job] = jobs
      if (handler.takesBatches) ends = await runBatch(handler, jobs, attempt)
      else if (job) await callHandler(handler, job, attempt)
    } catch (thrown) {
      ends = toFailedEnd(thrown)
    }
    this.#end(attempt, ends)
  }

  #end(attempt: Attempt, ends: AttemptEnd | readonly AttemptEnd[]): void {
    const { onEnd, onRoom } = this.#options
    const ms = now() - attempt.startedAt
    this.#running.splice(this.#running.indexOf(attempt), 1)
    attempt.jobs.forEach((job, index) => {
      const end = 'kind' in ends ? ends : ends[index]
      onEnd(job, attempt.isOverdue || end === undefined ? this.#overdue : end, ms)
    })
    onRoom()
  }

  /**
   * An attempt that is over its time has failed, whatever it answers now. One timer for all: when it
   * goes off for one that has ended, it is set for the next.
   */
  #checkTime(): void {
    const { timeoutMs } = this.#options
    this.#timer = undefined
    for (const attempt of this.#running) {
      if (attempt.isOverdue) continue
      const leftMs = attempt.startedAt + timeoutMs - now()
      if (leftMs > 0) {
        this.#timer = startTimer(() => this.#checkTime(), Math.max(1, leftMs))
        return
      }
      attempt.isOverdue = true
      const text = `The attempt ${describeOverrun(timeoutMs)}.`
      attempt.abort(new DOMException(text, 'TimeoutError'))
    }
  }
}
