import type { LoadedHandler } from '../../handlers/load-handler.ts'
import { type HostSettings, MAX_FAILURES, type ParentFrame } from '../channel-frames.ts'
import type { HostChannel } from './host-channel.ts'
import { HostJobs } from './host-jobs.ts'
import { createHostLog, type HostLog } from './host-log.ts'

/**
 * Drives a handler's jobs, turn by turn of the event loop: one frame tells what has ended and what
 * is about to start, then that starts. A turn of any number of jobs costs one frame.
 */
export class HostTurns {
  readonly #channel: HostChannel
  readonly #jobs: HostJobs
  readonly #log: HostLog
  readonly #nextTurn = setImmediate
  readonly #stringify = JSON.stringify
  readonly #exit = process.exit
  #isScheduled = false
  #isStopping = false

  constructor(
    handler: LoadedHandler,
    channel: HostChannel,
    { concurrency, timeoutMs }: HostSettings,
  ) {
    this.#channel = channel
    const onChange = () => this.#schedule()
    this.#log = createHostLog(onChange)
    this.#jobs = new HostJobs({ handler, concurrency, timeoutMs, log: this.#log.log, onChange })
  }

  take(frame: ParentFrame): void {
    if (frame.run) this.#jobs.queue(frame.run)
    if (frame.abort) this.#jobs.abort(frame.abort)
    if (!frame.stop) return
    this.#isStopping = true
    void this.#channel.write(`{"returned":[${this.#jobs.giveBack().join(',')}]}`)
    this.#schedule()
  }

  /** Tells what has ended, when no turn is left. */
  tellAtOnce(): void {
    for (let news = this.#describe([]); news; news = this.#describe([]))
      this.#channel.writeAtOnce(news)
  }

  /** Tells of an error that nobody caught. */
  confess(error: string): void {
    process.stderr.write(`${error}\n`)
    this.tellAtOnce()
    this.#channel.writeAtOnce(this.#stringify({ ending: error }))
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#nextTurn(() => void this.#turn())
  }

  async #turn(): Promise<void> {
    const wave = this.#jobs.takeWave()
    const news = this.#describe(wave.flat().map((job) => job.token))
    // Nothing starts before it is told: of a crash, the parent must know whom to blame.
    if (news) await this.#channel.write(news)
    this.#isScheduled = false
    for (const jobs of wave) this.#jobs.start(jobs)
    if (this.#jobs.hasNews || this.#log.hasLines) this.#schedule()
    else if (this.#isStopping && this.#jobs.isIdle) await this.#leave()
  }

  #describe(started: readonly number[]): string {
    const members = [this.#jobs.takeEnds(MAX_FAILURES), this.#log.take()]
    if (started.length > 0) members.push(`"started":[${started.join(',')}]`)
    const text = members.filter((member) => member !== '').join(',')
    return text && `{${text}}`
  }

  async #leave(): Promise<void> {
    this.#isScheduled = true
    await this.#channel.end()
    this.#exit(0)
  }
}
