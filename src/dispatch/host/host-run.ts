import type { HandlerLog, HandlerMeans } from '../../handlers/handler-context.ts'
import type { TokenJob } from '../channel-frames.ts'

/** Jobs that run in one call of the handler: one, or those of an `onBatch`. */
export class HostRun {
  readonly jobs: readonly TokenJob[]
  readonly startedAt: number
  isOverdue = false
  #controller: AbortController | undefined

  constructor(jobs: readonly TokenJob[], startedAt: number) {
    this.jobs = jobs
    this.startedAt = startedAt
  }

  /** The signal is made when it is looked at: most handlers never do, and it is the dearest part. */
  describeMeans(log: HandlerLog): HandlerMeans {
    const getSignal = () => this.#makeController().signal
    return {
      log,
      get signal() {
        return getSignal()
      },
    }
  }

  abort(reason?: unknown): void {
    this.#makeController().abort(reason)
  }

  #makeController(): AbortController {
    this.#controller ??= new AbortController()
    return this.#controller
  }
}
