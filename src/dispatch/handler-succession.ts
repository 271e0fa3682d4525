import type { LoadFailure } from './channel-frames.ts'
import { HandlerSupervisor, type SupervisorContext } from './handler-supervisor.ts'
import type { LaneSettings } from './lane-settings.ts'
import type { HandlerProcess } from './process/handler-process.ts'

export interface SuccessionContext extends SupervisorContext {
  /** Called before `onReady` of a process with other settings, or other code. */
  readonly onTakeOver: (settings: LaneSettings) => void
}

/**
 * The supervisors of one handler module: the one whose process takes jobs, one that is to follow
 * it with newer code or settings, and those that only finish their jobs.
 */
export class HandlerSuccession {
  readonly #context: SuccessionContext
  readonly #supervisors = new Set<HandlerSupervisor>()
  #current: HandlerSupervisor
  #isStopping = false

  constructor(settings: LaneSettings, context: SuccessionContext) {
    this.#context = context
    this.#current = this.#create(settings)
  }

  get current(): HandlerSupervisor {
    return this.#current
  }

  get processes(): readonly HandlerProcess[] {
    return [...this.#supervisors].flatMap(({ process }) => process ?? [])
  }

  /**
   * Starts a process beside the one that runs, which finishes its jobs once the new one is ready.
   * Resolves with the reason when it is not (yet); what ran before then goes on.
   */
  async replace(settings: LaneSettings): Promise<LoadFailure | undefined> {
    if (this.#isStopping) return undefined
    const successor = this.#create(settings)
    const failure = await successor.start()
    if (!failure || this.#isStopping) return undefined
    if (this.#current.accepting) await this.#dismiss(successor)
    else this.#takeOver(successor, settings)
    return failure
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all([...this.#supervisors].map((supervisor) => supervisor.stop()))
  }

  abort(): void {
    for (const supervisor of this.#supervisors) supervisor.abort()
  }

  kill(): void {
    for (const supervisor of this.#supervisors) supervisor.kill()
  }

  #create(settings: LaneSettings): HandlerSupervisor {
    const supervisor = new HandlerSupervisor(settings, {
      ...this.#context,
      onReady: (facts) => {
        this.#takeOver(supervisor, settings)
        this.#context.onReady(facts)
      },
    })
    this.#supervisors.add(supervisor)
    return supervisor
  }

  #takeOver(successor: HandlerSupervisor, settings: LaneSettings): void {
    const predecessor = this.#current
    if (successor === predecessor) return
    this.#current = successor
    this.#context.onTakeOver(settings)
    void this.#dismiss(predecessor)
  }

  async #dismiss(supervisor: HandlerSupervisor): Promise<void> {
    await supervisor.stop()
    this.#supervisors.delete(supervisor)
  }
}
