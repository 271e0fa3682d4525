import type { LoadedHandler } from '../../handlers/load-handler.ts'
import type { AttemptEnd } from '../../handlers/run-attempt.ts'
import {
  chooseConcurrency,
  type HostSettings,
  type PageHead,
  type ParentOrder,
  PROGRESS,
} from '../channel-frames.ts'
import { type Attempt, HostAttempts } from './host-attempts.ts'
import type { HostChannel } from './host-channel.ts'
import { HostNews } from './host-news.ts'
import { type HostJob, HostPage } from './host-page.ts'
import { exit, nextTurn, now, startTimer, stringify } from './untouched.ts'

/** How long attempts that end at once follow each other before channel and timers are served. */
const SLICE_MS = 5
/** How long it takes at most until it is told that an event of a long page has ended. */
const MAX_UNTOLD_MS = 1_000

/**
 * Runs a handler's events in waves. A wave is what has room to start now: it is marked in the
 * progress file, then started. When attempts end before the event loop goes on, the next wave
 * follows at once, for some milliseconds.
 */
export class HostLoop {
  readonly #channel: HostChannel
  readonly #concurrency: number
  readonly #callEvents: number
  readonly #attempts: HostAttempts
  readonly #news = new HostNews(() => this.#wakeInTurn())
  #queue: HostPage[] = []
  /** Pages of which the progress file does not know all. */
  #dirty: HostPage[] = []
  #sliceEndsAt = 0
  #isWaveDue = false
  #isTurnDue = false
  #isStopping = false
  #mustTellAll = false
  #tellTimer: NodeJS.Timeout | undefined

  constructor(handler: LoadedHandler, channel: HostChannel, settings: HostSettings) {
    this.#channel = channel
    this.#concurrency = chooseConcurrency(settings.concurrency, handler.takesBatches)
    this.#callEvents = handler.batchSize
    this.#attempts = new HostAttempts({
      handler,
      timeoutMs: settings.timeoutMs,
      onLine: this.#news.addLine.bind(this.#news),
      onEnd: (job, end, ms) => this.#note(job, end, Math.round(ms)),
      onRoom: () => this.#wake(),
    })
    channel.whenAllWritten(() => this.#wakeInTurn())
  }

  takePage(head: PageHead, bytes: Buffer): void {
    this.#queue.push(new HostPage(head, bytes))
    this.#wakeInTurn()
  }

  takeOrder({ abort, recall, stop }: ParentOrder): void {
    if (abort) this.#attempts.abort()
    if (!recall && !stop) return
    if (stop) this.#isStopping = true
    for (const page of this.#queue) {
      if (!page.isDirty) this.#dirty.push(page)
      page.giveBack()
      this.#news.notePage(page)
    }
    this.#queue = []
    if (recall) this.#news.noteRecalled()
    this.#mustTellAll = true
    this.#wakeInTurn()
  }

  /** Tells what has ended, when no turn is left. What the pipe has no room for stands in the file. */
  tellAtOnce(): void {
    this.#flush()
    this.#mustTellAll = true
    this.#tell()
  }

  /** Tells of an error that nobody caught. */
  confess(error: string): void {
    process.stderr.write(`${error}\n`)
    this.tellAtOnce()
    if (this.#channel.hasWrittenAll) this.#channel.write(stringify({ ending: error }))
  }

  /** Something has ended: there may be room for more, once what ends with it has ended too. */
  #wake(): void {
    if (this.#isWaveDue) return
    this.#isWaveDue = true
    if (now() < this.#sliceEndsAt) void this.#waveSoon()
    else this.#wakeInTurn()
  }

  async #waveSoon(): Promise<void> {
    await undefined
    this.#go(false)
  }

  #wakeInTurn(): void {
    if (this.#isTurnDue) return
    this.#isTurnDue = true
    nextTurn(() => {
      this.#isTurnDue = false
      this.#sliceEndsAt = now() + SLICE_MS
      this.#go(true)
    })
  }

  #go(isTurn: boolean): void {
    this.#isWaveDue = false
    const wave = this.#takeWave()
    // Before anything is told: then the parent may give a page's slot to another.
    this.#flush()
    // While there is more to do, news wait for the turn: many are told in one frame.
    if (isTurn || this.#attempts.count === 0) this.#tell()
    else if (this.#hasNews) this.#wakeInTurn()
    if (!this.#news.isEmpty) this.#tellInTime()
    this.#attempts.start(wave)
    const isOver = this.#isStopping && this.#attempts.count === 0
    if (isOver && this.#news.isEmpty && this.#channel.hasWrittenAll) this.#leave()
  }

  #takeWave(): Attempt[] {
    const wave: Attempt[] = []
    const startedAt = now()
    while (this.#attempts.count < this.#concurrency) {
      const jobs = this.#takeJobs(startedAt)
      if (jobs.length === 0) break
      wave.push(this.#attempts.add(jobs))
    }
    return wave
  }

  /** For one call of the handler. */
  #takeJobs(startedAt: number): HostJob[] {
    const jobs: HostJob[] = []
    for (let [page] = this.#queue; page && jobs.length < this.#callEvents; [page] = this.#queue) {
      const isFree = this.#attempts.count === 0 && jobs.length === 0
      if (page.isAlone ? !isFree : this.#attempts.isAlone) break
      const job = page.take()
      if (!page.hasNext) this.#queue.shift()
      if (!page.isDirty) this.#dirty.push(page)
      page.markStarted(job.at, startedAt)
      jobs.push(job)
      if (page.isAlone) break
    }
    return jobs
  }

  #note({ page, at }: HostJob, end: AttemptEnd, ms: number): void {
    const isDone = end.kind === 'done'
    if (!page.isDirty) this.#dirty.push(page)
    page.mark(at, isDone ? PROGRESS.done : PROGRESS.failed, ms)
    if (!isDone) this.#news.noteFailure({ page: page.id, at, ...end, ms })
    page.open--
    this.#news.notePage(page)
  }

  /** Should a write fail, which ends the process, the rest is not tried again. */
  #flush(): void {
    if (this.#dirty.length === 0) return
    const dirty = this.#dirty
    this.#dirty = []
    for (const page of dirty) page.flush()
  }

  get #hasNews(): boolean {
    return this.#news.isDue || (this.#mustTellAll && !this.#news.isEmpty)
  }

  #tell(): void {
    while (this.#hasNews && this.#channel.hasWrittenAll) {
      this.#channel.write(this.#news.take(this.#mustTellAll))
    }
    this.#mustTellAll = false
  }

  #tellInTime(): void {
    this.#tellTimer ??= startTimer(() => {
      this.#tellTimer = undefined
      this.#mustTellAll = true
      this.#wakeInTurn()
    }, MAX_UNTOLD_MS)
  }

  #leave(): void {
    this.#isTurnDue = true
    this.#channel.end(() => exit(0))
  }
}
