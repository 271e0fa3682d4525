import { basename } from 'node:path'
import type { HandlerRegistration } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import { within } from '../timers.ts'
import { chooseConcurrency, MAX_PAGE_EVENTS } from './channel-frames.ts'
import type { ReadyFacts } from './child-frame.ts'
import { HandlerSupervisor, type SupervisorContext } from './handler-supervisor.ts'
import { type HeldPiece, Holdings } from './holdings.ts'
import { LaneQueue, LaneWindow, type Room } from './lane-queue.ts'
import { LaneTurns, type TakeTurns } from './lane-turns.ts'
import { OutcomeJudge } from './outcome-judge.ts'
import { countEvents, type PortionEnd } from './process/page-ledger.ts'
import type { ProcessSettings, StartGate } from './process/spawn-host.ts'

/** How long processes that were killed may take to be gone. */
const LAST_END_MS = 5_000

export interface StopLimits {
  /** From the call: how long attempts may go on undisturbed; then their signals are aborted. */
  readonly softMs: number
  /** From the call: then their processes are killed. */
  readonly hardMs: number
}

/** What a handler has room for. */
export type LaneWant = Room & { readonly handler: string }

export interface LaneContext {
  readonly observer: Observer
  readonly gate: StartGate
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  /** From 0 up to, not including, 1. */
  readonly random: () => number
  /** For handlers with a rate. */
  readonly takeTurns: TakeTurns
  /** Answers why a handler cannot be used; undefined when it can. */
  readonly admit: (registration: HandlerRegistration) => string | undefined
  readonly onCode: SupervisorContext['onCode']
  /** There is room, or something to record. Called often; it must only take note. */
  readonly onChange: () => void
}

/** The way of one handler's events: taken in, handed to its process, judged, kept until recorded. */
export class HandlerLane {
  /** What it has in its hands, and what of it has ended. */
  readonly holdings = new Holdings()
  /** Of its process. */
  readonly supervisor: HandlerSupervisor
  readonly #context: LaneContext
  readonly #window: LaneWindow
  readonly #turns: LaneTurns
  readonly #judge: OutcomeJudge
  #registration: HandlerRegistration | undefined
  readonly #queue = new LaneQueue(this.holdings)
  #probeTimer: NodeJS.Timeout | undefined
  #isAsleep = false
  #isStopping = false
  #hasStopped = false
  #stopped: Promise<void> | undefined

  constructor(settings: ProcessSettings, context: LaneContext) {
    const { observer, gate, random } = context
    this.#context = context
    this.#window = new LaneWindow(context.now)
    const waiting = () => this.#queue.countEvents()
    const calls = () =>
      this.#registration?.takesBatches
        ? (this.supervisor.accepting?.pages ?? 0)
        : this.holdings.figures().events - waiting()
    this.#turns = new LaneTurns(context.takeTurns, { waiting, calls }, () => this.#feed())
    this.#judge = new OutcomeJudge(this.holdings, context)
    this.supervisor = new HandlerSupervisor(settings, {
      observer,
      gate,
      random,
      name: () => this.name,
      admit: (facts) => this.#admit(facts),
      onReady: (facts) => this.#open(facts),
      onCode: context.onCode,
      onEnds: (ends) => this.#takeEnds(ends),
      onRoom: () => this.#feed(),
      onExit: (isPatient) => this.#noteExit(isPatient),
    })
  }

  /** Undefined until the module was loaded once. */
  get handler(): string | undefined {
    return this.#registration?.name
  }

  /** The handler's, or as long as that is not known its file's. */
  get name(): string {
    return this.handler ?? basename(this.supervisor.settings.handler.module)
  }

  wake(): void {
    this.#isAsleep = false
  }

  /** There is no work, until it is woken. */
  sleep(): void {
    this.#isAsleep = true
    this.#feed()
  }

  /** What to claim now. */
  room(): LaneWant | undefined {
    if (this.#isAsleep || !this.#isOpen) return undefined
    const room = this.#findRoom()
    this.#awaitProbes()
    return room && { handler: this.name, ...room, events: Math.min(room.events, this.#turns.ahead) }
  }

  /** Whether a run of this size, which nobody has asked for, could be handed at once. */
  wouldTake(fresh: Room): boolean {
    if (!this.#isOpen || fresh.events > this.#turns.ahead) return false
    return this.#window.takes(fresh, this.holdings.figures())
  }

  hand(work: readonly HeldPiece[]): void {
    for (const of of work) this.#queue.addApart(this.holdings.take(of), this.#judge)
    this.#feed()
  }

  /** What waits until there is nothing else to do takes no room of others. */
  #findRoom(): Room | undefined {
    const { events, ...figures } = this.holdings.figures()
    return this.#window.room({ ...figures, events: events - this.#queue.countLast() })
  }

  /** These events are no more; resolves when none of them can begin here. What runs may end. */
  async drop(gone: ReadonlySet<number>): Promise<void> {
    if (!this.holdings.events().some((event) => gone.has(event))) return
    const dropped = this.#queue.drop(gone, () => this.supervisor.recall())
    this.#context.onChange()
    await dropped
  }

  /**
   * Takes nothing more; resolves when the process has finished what runs, or was killed. May be called
   * again, to make it quicker.
   */
  async stop({ softMs, hardMs }: StopLimits): Promise<void> {
    this.#stopped ??= this.#stop()
    const timers = [
      setTimeout(() => this.supervisor.abort(), softMs),
      setTimeout(() => this.supervisor.kill(), hardMs),
    ]
    await within(hardMs + LAST_END_MS, this.#stopped)
    for (const timer of timers) clearTimeout(timer)
  }

  /** It has stopped, and all that it was handed is recorded. */
  get isOver(): boolean {
    return this.#hasStopped && this.holdings.isEmpty
  }

  async #stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#probeTimer)
    this.#turns.stop()
    this.#queue.giveBack()
    await this.supervisor.stop()
    this.#hasStopped = true
  }

  /** While a handler is being spared, or has a rate, what waits comes before what is new. */
  get #isOpen(): boolean {
    const isHeldUp = this.#turns.isLimiting || this.#window.nextProbesInMs !== undefined
    if (isHeldUp && this.#queue.countEvents() > this.#queue.countLast()) return false
    return this.supervisor.accepting !== undefined && !this.#isStopping
  }

  #admit({ name, keys, takesBatches }: ReadyFacts): string | undefined {
    if (this.#registration && this.#registration.name !== name) {
      return `The handler is now called ${name}, and was ${this.#registration.name}: restart the receiver.`
    }
    const registration = {
      name,
      module: this.supervisor.settings.handler.module,
      keys,
      takesBatches,
    }
    const problem = this.#context.admit(registration)
    if (problem !== undefined) return problem
    if (this.name !== name) this.#context.observer.handlerForgotten({ handler: this.name })
    this.#registration = registration
    return undefined
  }

  #open({ takesBatches, callEvents }: ReadyFacts): void {
    const { concurrency, rate } = this.supervisor.settings.handler
    const callsAtOnce = chooseConcurrency(concurrency, takesBatches)
    this.#window.open(2 * callsAtOnce * (takesBatches ? MAX_PAGE_EVENTS : 1))
    this.#turns.follow(rate, { callsAtOnce, callEvents, takesBatches })
    this.#isAsleep = false
    this.#feed()
    this.#context.onChange()
  }

  /** What a process gives back waits for the next one, unless that may take long. */
  #noteExit(isPatient: boolean): void {
    if (!isPatient) this.#queue.giveBack()
    this.#feed()
    this.#context.onChange()
  }

  /** Hands on what waits, as far as there is a process and it is not being spared. */
  #feed(): void {
    if (this.#isStopping) this.#queue.giveBack()
    const process = this.supervisor.accepting
    while (process?.hasRoom) {
      const most = Math.min(this.#window.allowance(), this.#turns.allowance())
      const hasOthers = this.holdings.figures().events > this.#queue.countLast()
      const page = this.#queue.takePage(most, this.#isAsleep || !(hasOthers || this.#findRoom()))
      if (page.length === 0) break
      process.hand(page)
      const events = countEvents(page)
      this.#window.noteHanded(events)
      this.#turns.noteHanded(events)
    }
    if (this.#queue.isEmpty) return
    this.#awaitProbes()
    if (process) void this.#turns.ask(this.name)
  }

  #awaitProbes(): void {
    const waitMs = this.#window.nextProbesInMs
    if (waitMs === undefined || this.#probeTimer !== undefined || this.#isStopping) return
    this.#probeTimer = setTimeout(() => {
      this.#probeTimer = undefined
      this.#feed()
      this.#context.onChange()
    }, waitMs)
  }

  #takeEnds(ends: readonly PortionEnd[]): void {
    for (const end of ends) {
      const { portion, done, failed, returned } = end
      // Only failures that tell something of what the handler needs.
      let failures = 0
      for (const { failure } of failed) if (failure.kind === 'retry') failures++
      this.#window.noteEnds(done.length, failures)
      this.#judge.take(end, this.supervisor.settings.handler.retryDelaysMs)
      if (returned.length > 0) this.#queue.add({ ...portion, events: returned })
    }
    this.#feed()
    this.#context.onChange()
  }
}
