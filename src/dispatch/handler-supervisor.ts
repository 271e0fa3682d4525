import type { Observer } from '../observe/observer.ts'
import type { LoadFailure, ReadyFacts } from './channel-frames.ts'
import type { EndedJob } from './process/ended-job.ts'
import { HandlerProcess, type ProcessListener } from './process/handler-process.ts'
import type { ProcessSettings } from './process/spawn-host.ts'

const FIRST_RESTART_MS = 100
const MAX_RESTART_MS = 30_000
/** Beyond the timeout of the last attempt, for a process that was asked to stop. */
const MAX_FAREWELL_MS = 5_000

export interface SupervisorSettings extends ProcessSettings {
  /** Age and number of jobs at which a process is replaced, because handlers leak. */
  readonly maxAgeMs: number
  readonly maxJobs: number
}

export interface SupervisorContext {
  readonly observer: Observer
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  readonly random: () => number
  /** What the handler is called as far as is known; may change when it is admitted. */
  readonly name: () => string
  /** Answers why a handler with these facts cannot be used; undefined when it can. */
  readonly admit: (facts: ReadyFacts) => string | undefined
  /** A process is ready for jobs. */
  readonly onReady: (facts: ReadyFacts) => void
  readonly onJobsEnded: (jobs: readonly EndedJob[]) => void
}

/** Keeps one process of a handler module running: starts it, replaces it, starts it again. */
export class HandlerSupervisor {
  readonly #settings: SupervisorSettings
  readonly #context: SupervisorContext
  #process: HandlerProcess | undefined
  #pid: number | undefined
  #isAccepting = false
  #isStopping = false
  #isPlanned = false
  #restartTimer: NodeJS.Timeout | undefined
  #recycleTimer: NodeJS.Timeout | undefined
  #failuresInRow = 0
  #isKnownCrash = false
  #jobsLeft = 0
  #firstTry: (failure: LoadFailure | undefined) => void = () => {}
  #stopped: Promise<void> | undefined
  #whenStopped = () => {}

  constructor(settings: SupervisorSettings, context: SupervisorContext) {
    this.#settings = settings
    this.#context = context
  }

  /** The process, when it takes jobs. */
  get accepting(): HandlerProcess | undefined {
    return this.#isAccepting ? this.#process : undefined
  }

  /** The process, also one that only finishes its jobs. */
  get process(): HandlerProcess | undefined {
    return this.#process
  }

  /** Resolves when the module is loaded, or with the reason why it is not. Goes on trying. */
  start(): Promise<LoadFailure | undefined> {
    return new Promise((resolve) => {
      this.#firstTry = resolve
      this.#startProcess()
    })
  }

  /** Resolves when the process has finished its jobs and ended. */
  stop(): Promise<void> {
    this.#stopped ??= new Promise((resolve) => {
      this.#isStopping = true
      clearTimeout(this.#restartTimer)
      this.#whenStopped = resolve
      if (!this.#process) return resolve()
      this.#endGently()
    })
    return this.#stopped
  }

  abort(): void {
    this.#process?.abort()
  }

  kill(): void {
    this.#process?.kill('the receiver stopped', () => ({
      kind: 'interrupted',
      error: 'interrupted: the receiver stopped',
    }))
  }

  /** A handler that succeeds is no crash loop. */
  noteSuccess(): void {
    this.#failuresInRow = 0
  }

  /** Nor is one whose process ends of an event that has been there when another ended. */
  noteKnownCrash(): void {
    this.#isKnownCrash = true
  }

  noteJobs(count: number): void {
    this.#jobsLeft -= count
    if (this.#jobsLeft <= 0) this.#recycle()
  }

  #startProcess(): void {
    this.#isPlanned = false
    this.#isKnownCrash = false
    this.#process = new HandlerProcess(this.#settings, this.#listen(), this.#context.now)
  }

  #listen(): ProcessListener {
    const { observer, onJobsEnded, name } = this.#context
    return {
      onReady: (facts, pid) => this.#welcome(facts, pid),
      onJobsEnded,
      onLine: ({ level, text, fields }) =>
        observer.handlerWrote({ handler: name(), level, text, ...(fields && { fields }) }),
      onLinesDropped: (lines) => observer.handlerOutputDropped({ handler: name(), lines }),
      onGrown: () => this.#recycle(),
      onExit: (reason, failure) => this.#takeLeave(reason, failure),
    }
  }

  #welcome(facts: ReadyFacts, pid: number): string | undefined {
    const problem = this.#context.admit(facts)
    if (problem !== undefined) return problem
    this.#pid = pid
    this.#isAccepting = true
    this.#jobsLeft = this.#settings.maxJobs
    this.#recycleTimer = setTimeout(() => this.#recycle(), this.#settings.maxAgeMs)
    this.#context.observer.handlerStarted({ handler: facts.name, pid })
    this.#firstTry(undefined)
    this.#context.onReady(facts)
    return undefined
  }

  #recycle(): void {
    if (this.#isAccepting) this.#endGently()
  }

  #endGently(): void {
    this.#isAccepting = false
    this.#isPlanned = true
    clearTimeout(this.#recycleTimer)
    this.#process?.stop()
    const { timeoutMs, graceMs } = this.#settings
    const farewellMs = timeoutMs + graceMs + MAX_FAREWELL_MS
    this.#recycleTimer = setTimeout(() => this.#process?.kill('it did not stop'), farewellMs)
  }

  #takeLeave(reason: string, failure: LoadFailure | undefined): void {
    clearTimeout(this.#recycleTimer)
    this.#process = undefined
    this.#isAccepting = false
    const isPlanned = this.#isPlanned || this.#isStopping
    const pid = this.#pid
    this.#pid = undefined
    const { observer, name } = this.#context
    observer.handlerEnded({ handler: name(), pid, reason, isPlanned })
    this.#firstTry(failure)
    if (this.#isStopping) return this.#whenStopped()
    this.#restartTimer = setTimeout(
      () => this.#startProcess(),
      isPlanned ? 0 : this.#nextRestartMs(),
    )
  }

  #nextRestartMs(): number {
    const delayMs = Math.min(MAX_RESTART_MS, FIRST_RESTART_MS * 2 ** this.#failuresInRow)
    if (!this.#isKnownCrash) this.#failuresInRow++
    return delayMs * (0.75 + this.#context.random() / 4)
  }
}
