import type { Observer } from '../observe/observer.ts'
import type { LoadedCode, LoadFailure, ReadyFacts } from './child-frame.ts'
import { HandlerProcess } from './process/handler-process.ts'
import type { PortionEnd } from './process/page-ledger.ts'
import type { ProcessExit } from './process/process-listener.ts'
import type { ProcessSettings, StartGate } from './process/spawn-host.ts'

const FIRST_RESTART_MS = 100
const MAX_RESTART_MS = 30_000
/** A process that has ended so often in a row without a success is not just unlucky. */
const BROKEN_AFTER = 3

export interface SupervisorContext {
  readonly observer: Observer
  readonly gate: StartGate
  readonly random: () => number
  /** What the handler is called as far as is known; may change when it is admitted. */
  readonly name: () => string
  /** Answers why a handler with these facts cannot be used; undefined when it can. */
  readonly admit: (facts: ReadyFacts) => string | undefined
  /** A process is ready for events. */
  readonly onReady: (facts: ReadyFacts) => void
  /** From which files its module is loaded, `isWhole`, or which more of them there are. */
  readonly onCode: (owner: HandlerSupervisor, code: LoadedCode, isWhole: boolean) => void
  readonly onEnds: (ends: readonly PortionEnd[]) => void
  /** The process can be handed more. */
  readonly onRoom: () => void
  /** A process has ended; what it had not begun was given back before. `isPatient`: the next one comes soon. */
  readonly onExit: (isPatient: boolean) => void
}

/** A process from when it is to be started until it has ended. */
interface Launch {
  readonly settings: ProcessSettings
  /** Undefined while it waits for a place to start. */
  process: HandlerProcess | undefined
  leaveGate: () => void
  /** Its module is loaded, or why it is not. */
  readonly tell: (failure: LoadFailure | undefined) => void
}

/**
 * Keeps a process of a handler module running: the current one, which takes events. Another may be
 * loading, to follow it with newer code or settings; others only finish what they have.
 */
export class HandlerSupervisor {
  readonly #context: SupervisorContext
  #settings: ProcessSettings
  #current: Launch | undefined
  /** Not loaded yet, in the order in which they were begun. */
  readonly #loading = new Set<Launch>()
  readonly #processes = new Set<HandlerProcess>()
  #restartTimer: NodeJS.Timeout | undefined
  /** How often in a row its process has ended, or could not be started, without a success in between. */
  #failuresInRow = 0
  /** Of these, those that were not to be expected: the next start waits for them. */
  #slowedBy = 0
  /** What became of the last process that ended, unless the next one has done better. */
  #lastFailure: 'load' | 'end' | undefined
  #isStopping = false
  #whenStopped = () => {}

  constructor(settings: ProcessSettings, context: SupervisorContext) {
    this.#settings = settings
    this.#context = context
  }

  /** The handler's, as far as is known. */
  get name(): string {
    return this.#context.name()
  }

  /** Of the current process, or of the one that is to become it. */
  get settings(): ProcessSettings {
    return this.#settings
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /** The process, when it takes events. */
  get accepting(): HandlerProcess | undefined {
    return this.#current?.process?.isTaking ? this.#current.process : undefined
  }

  /** Its module cannot be loaded, or its process ends again and again. */
  get isBroken(): boolean {
    if (this.#isStopping || this.#lastFailure === undefined) return false
    return this.#lastFailure === 'load' || this.#failuresInRow >= BROKEN_AFTER
  }

  /** Resolves when the module is loaded, or with the reason why it is not. Goes on trying. */
  start(): Promise<LoadFailure | undefined> {
    return this.#launch(this.#settings)
  }

  /**
   * Starts a process beside the one that runs, which finishes its events once the new one is ready.
   * Resolves with the reason when it is not (yet); what ran before then goes on.
   */
  async replace(settings: ProcessSettings): Promise<LoadFailure | undefined> {
    if (this.#isStopping) return undefined
    const failure = await this.#launch(settings)
    return this.#isStopping ? undefined : failure
  }

  /** To be called once; resolves when every process has finished its events and ended. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#isStopping = true
      this.#whenStopped = resolve
      clearTimeout(this.#restartTimer)
      for (const launch of this.#loading) this.#giveUp(launch)
      this.#current?.process?.stop()
      this.#endWhenOver()
    })
  }

  /** Resolves when every process has given back what it had not begun. */
  async recall(): Promise<void> {
    await Promise.all([...this.#processes].map((process) => process.recall()))
  }

  abort(): void {
    for (const process of this.#processes) process.abort()
  }

  kill(): void {
    for (const process of this.#processes) process.kill('the receiver stopped', 'stopped')
  }

  #launch(settings: ProcessSettings): Promise<LoadFailure | undefined> {
    return new Promise((tell) => {
      const leaveGate = () => {}
      const launch: Launch = { settings, process: undefined, leaveGate, tell }
      this.#loading.add(launch)
      launch.leaveGate = this.#context.gate.enter(() => this.#begin(launch))
    })
  }

  #begin(launch: Launch): void {
    const { observer, name, onCode, onRoom } = this.#context
    const process = new HandlerProcess(launch.settings, {
      onReady: (facts, pid) => this.#welcome(launch, facts, pid),
      onEnds: (ends) => this.#takeEnds(ends),
      onRoom,
      onCode: (code, isWhole) => onCode(this, code, isWhole),
      onLine: (line) => observer.handlerWrote({ handler: name(), ...line }),
      onLinesDropped: (lines) => observer.handlerOutputDropped({ handler: name(), lines }),
      onLoadingLong: () => launch.leaveGate(),
      onExit: (exit) => this.#takeLeave(launch, exit),
    })
    launch.process = process
    this.#processes.add(process)
  }

  #giveUp(launch: Launch): void {
    if (launch.process) return launch.process.stop()
    this.#loading.delete(launch)
    launch.leaveGate()
    launch.tell(undefined)
  }

  #welcome(launch: Launch, facts: ReadyFacts, pid: number): string | undefined {
    launch.leaveGate()
    const problem = this.#context.admit(facts)
    if (problem !== undefined) return problem
    for (const older of this.#loading) {
      if (older === launch) break
      this.#giveUp(older)
    }
    this.#loading.delete(launch)
    this.#current?.process?.stop()
    this.#current = launch
    if (this.#lastFailure === 'load') this.#lastFailure = undefined
    this.#adopt(launch.settings)
    this.#context.observer.handlerStarted({ handler: facts.name, pid })
    launch.tell(undefined)
    this.#context.onReady(facts)
    return undefined
  }

  #adopt(settings: ProcessSettings): void {
    if (settings === this.#settings) return
    this.#settings = settings
    this.#forgetFailures()
  }

  #takeEnds(ends: readonly PortionEnd[]): void {
    if (ends.some(({ done }) => done.length > 0)) this.#forgetFailures()
    this.#context.onEnds(ends)
  }

  #forgetFailures(): void {
    this.#failuresInRow = 0
    this.#slowedBy = 0
    this.#lastFailure = undefined
  }

  #takeLeave(launch: Launch, exit: ProcessExit): void {
    const { observer, name, onExit } = this.#context
    const { pid, reason, isPlanned, failure } = exit
    launch.leaveGate()
    this.#loading.delete(launch)
    if (launch.process) this.#processes.delete(launch.process)
    if (this.#current === launch) this.#current = undefined
    observer.handlerEnded({ handler: name(), pid, reason, isPlanned })
    launch.tell(failure)
    // What it leaves behind goes to the one that runs.
    if (this.accepting) onExit(true)
    else {
      if (!isPlanned && this.#loading.size === 0) this.#adopt(launch.settings)
      const restartMs = isPlanned ? 0 : this.#nextRestartMs(exit)
      if (!isPlanned) this.#lastFailure = failure ? 'load' : 'end'
      onExit(isPlanned || (failure === undefined && restartMs <= FIRST_RESTART_MS))
      this.#restartIn(restartMs)
    }
    this.#endWhenOver()
  }

  #restartIn(ms: number): void {
    if (this.#isStopping) return
    clearTimeout(this.#restartTimer)
    this.#restartTimer = setTimeout(() => {
      if (!this.accepting && this.#loading.size === 0) void this.#launch(this.#settings)
    }, ms)
  }

  /** Neither a handler that succeeds nor one that ends of an event that was to be expected to is a loop. */
  #nextRestartMs({ isKnownCrash, isNewCulprit }: ProcessExit): number {
    const delayMs = Math.min(MAX_RESTART_MS, FIRST_RESTART_MS * 2 ** this.#slowedBy)
    if (!isKnownCrash) this.#slowedBy++
    if (!isKnownCrash || isNewCulprit) this.#failuresInRow++
    return delayMs * (0.75 + this.#context.random() / 4)
  }

  #endWhenOver(): void {
    if (this.#isStopping && this.#processes.size + this.#loading.size === 0) this.#whenStopped()
  }
}
