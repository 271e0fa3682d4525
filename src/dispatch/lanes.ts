import { availableParallelism } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import type { HandlerRegistration, HandlerSettings } from '../model.ts'
import type { Awaitable, FailedEvent, HeldWork, OpenRun } from '../store/store.ts'
import { within } from '../timers.ts'
import type { LoadFailure } from './child-frame.ts'
import { CodeFollower } from './code-follower.ts'
import { HandlerLane, type LaneContext, type LaneWant, type StopLimits } from './handler-lane.ts'
import { type EndedWork, type HeldPiece, Holdings } from './holdings.ts'
import {
  DEFAULT_LIMITS,
  type ProcessLimits,
  type ProcessSettings,
  StartGate,
} from './process/spawn-host.ts'

export type { LaneWant } from './handler-lane.ts'

export interface LanesOptions extends Omit<LaneContext, 'gate' | 'admit' | 'onCode'> {
  readonly limits?: Partial<ProcessLimits>
  /** How long `start` waits for modules; those that need longer join later. Default 10 s. */
  readonly startWaitMs?: number
  /**
   * A module was loaded that is new, or takes other events than before; undefined: one that was not
   * known turns out not to be loadable now.
   */
  readonly onRegistration: (registration: HandlerRegistration | undefined) => void
}

/** What is to run. */
export interface HandlersOrder {
  readonly handlers: readonly HandlerSettings[]
  /** The whole environment of the handlers' processes. Must hold no secret of the receiver. */
  readonly childEnv: Readonly<Record<string, string | undefined>>
  /** At a reload: modules whose settings are the same are loaded again too. */
  readonly isCodeNew?: boolean
  /** Load a module again whenever one of its files changes. Default false. */
  readonly followsCode?: boolean
}

export interface StartReport {
  /** Handlers that run. */
  readonly registrations: readonly HandlerRegistration[]
  /** What only the handlers' authors can mend; the receiver must not start. */
  readonly problems: readonly string[]
}

const DEFAULT_START_WAIT_MS = 10_000
/** More of them at once take longer together than one after the other. */
const STARTS_PER_PROCESSOR = 2
/** How long a handler that was taken out may go on undisturbed, and at all. */
const REMOVAL: StopLimits = { softMs: 30_000, hardMs: 60_000 }

/**
 * A lane for every handler module, each with a process. The lanes know no store: the loop claims what
 * they want, hands it over, and records what they say has ended. Nothing here waits.
 */
export class Lanes {
  readonly #options: LanesOptions
  readonly #gate = new StartGate(STARTS_PER_PROCESSOR * availableParallelism())
  readonly #registrations = new Map<string, HandlerRegistration>()
  readonly #unknownModules = new Set<string>()
  #lanes: HandlerLane[] = []
  /** Whose handlers were taken out: they finish their events, and go once all of it is recorded. */
  readonly #leaving = new Set<HandlerLane>()
  /** Work that no lane may run. */
  readonly #strays = new Holdings()
  readonly #code: CodeFollower
  #isStopping = false

  constructor(options: LanesOptions) {
    this.#options = options
    this.#code = new CodeFollower(options.observer)
  }

  /** Starts every module's process. Modules that fail to load are tried again and again. */
  async start({ handlers, ...order }: HandlersOrder): Promise<StartReport> {
    const problems: string[] = []
    const add = async (handler: HandlerSettings) => {
      const failure = await this.#add(this.#fillIn(handler, order))
      if (failure?.kind === 'invalid') problems.push(...failure.problems)
    }
    const waitMs = this.#options.startWaitMs ?? DEFAULT_START_WAIT_MS
    await within(waitMs, Promise.all(handlers.map(add)))
    return { registrations: this.registrations(), problems: [...problems] }
  }

  /**
   * Goes over to other handlers, settings or code while events run. A module that cannot be loaded
   * leaves what ran before it running; `problems` says why, a sentence each.
   */
  async reload(order: HandlersOrder): Promise<Pick<StartReport, 'problems'>> {
    const { handlers, isCodeNew = false } = order
    const problems: string[] = []
    if (this.#isStopping) return { problems }
    const modules = handlers.map(({ module }) => module)
    for (const lane of this.#lanes) {
      if (!modules.includes(lane.supervisor.settings.handler.module)) this.#remove(lane)
    }
    const take = async (handler: HandlerSettings) => {
      const failure = await this.#take(this.#fillIn(handler, order), isCodeNew)
      if (failure) problems.push(...failure.problems.map((each) => `${handler.module}: ${each}`))
    }
    await Promise.all(handlers.map(take))
    return { problems }
  }

  /** Handlers that have room now and are not asleep. */
  wants(): readonly LaneWant[] {
    return this.#lanes.flatMap((lane) => lane.room() ?? [])
  }

  /** Nothing of this handler is due: it is left out of `wants` until it is woken. */
  sleep(handler: string): void {
    this.#find(handler)?.sleep()
  }

  /** There may be something, for this handler or for any. */
  wake(handler?: string): void {
    for (const lane of handler === undefined ? this.#lanes : [this.#find(handler)]) lane?.wake()
  }

  /**
   * Whether a run of so many events, bytes of them, would be taken at once. Of several runs that are
   * not handed yet, ask for all together.
   */
  wouldTake(handler: string, events: number, bytes: number): boolean {
    return this.#find(handler)?.wouldTake({ events, bytes }) ?? false
  }

  /** What nobody here can run is given back by the next `takeEnded`. */
  hand(work: readonly HeldPiece[]): void {
    for (const handler of new Set(work.map((of) => of.handler))) {
      const own = work.filter((of) => of.handler === handler)
      const lane = this.#find(handler)
      if (lane) lane.hand(own)
      else {
        for (const of of own) this.#strays.giveBack(this.#strays.take(of))
        this.#options.onChange()
      }
    }
  }

  /** Nobody is to run it: all its events end so, by the next `takeEnded`. */
  failAll(run: OpenRun, outcome: FailedEvent['outcome']): void {
    this.#strays.take(run)
    for (const { event } of run.events) {
      this.#strays.noteFailed(run, { event, durationMs: 0, outcome })
    }
    this.#options.onChange()
  }

  /** What has ended, to be recorded together. It comes again until `recorded` was called. */
  takeEnded(): EndedWork {
    const parts = this.#holdings().map((holdings) => holdings.takeEnded())
    return {
      progress: parts.flatMap(({ progress }) => progress),
      jobs: parts.flatMap(({ jobs }) => jobs),
    }
  }

  /** What `takeEnded` gave last was recorded, or refused because it came too late. */
  recorded(): void {
    for (const holdings of this.#holdings()) holdings.recorded()
    for (const lane of this.#leaving) if (lane.isOver) this.#leaving.delete(lane)
  }

  /** Its lease is to go on: it is under way, or not recorded yet. */
  held(): Pick<HeldWork, 'runs' | 'jobs'> {
    const parts = this.#holdings().map((holdings) => holdings.held())
    return { runs: parts.flatMap(({ runs }) => runs), jobs: parts.flatMap(({ jobs }) => jobs) }
  }

  /** Lets go of those in hands that are no more; resolves when none can begin. What runs may end. */
  async drop(findGone: (events: readonly number[]) => Awaitable<readonly number[]>): Promise<void> {
    const gone = new Set(await findGone(this.#holdings().flatMap((one) => one.events())))
    await Promise.all([...this.#lanes, ...this.#leaving].map((lane) => lane.drop(gone)))
  }

  /** Handlers that were loaded and are in the settings. */
  registrations(): readonly HandlerRegistration[] {
    return [...this.#registrations.values()]
  }

  /** Modules that are being loaded, and of which nobody knows yet whether they can be. */
  unknownModules(): readonly string[] {
    return [...this.#unknownModules]
  }

  /** Handlers whose module cannot be loaded, or whose process ends again and again. */
  broken(): readonly string[] {
    return this.#lanes.filter(({ supervisor }) => supervisor.isBroken).map(({ name }) => name)
  }

  /**
   * Takes nothing more and lets attempts finish; resolves when their processes have ended. Then
   * `takeEnded` has the last outcomes. May be called again, to make it quicker, and handed on by itself.
   */
  readonly stop = async (limits: StopLimits): Promise<void> => {
    this.#isStopping = true
    await Promise.all([...this.#lanes, ...this.#leaving].map((lane) => lane.stop(limits)))
  }

  /** With what holds for every handler. */
  #fillIn(handler: HandlerSettings, order: Omit<HandlersOrder, 'handlers'>): ProcessSettings {
    const { childEnv: env, followsCode: tellsCode = false } = order
    return { handler, env, limits: { ...DEFAULT_LIMITS, ...this.#options.limits }, tellsCode }
  }

  async #add(settings: ProcessSettings): Promise<LoadFailure | undefined> {
    const { onRegistration } = this.#options
    const onCode = this.#code.follow
    const context = { ...this.#options, gate: this.#gate, admit: this.#admit, onCode }
    const lane = new HandlerLane(settings, context)
    const { module } = settings.handler
    this.#lanes.push(lane)
    this.#unknownModules.add(module)
    const failure = await lane.supervisor.start()
    if (this.#unknownModules.delete(module)) onRegistration(undefined)
    return failure
  }

  async #take(settings: ProcessSettings, isCodeNew: boolean): Promise<LoadFailure | undefined> {
    const { module } = settings.handler
    const known = this.#lanes.find((lane) => lane.supervisor.settings.handler.module === module)
    if (!known) return this.#add(settings)
    if (!isCodeNew && isDeepStrictEqual(known.supervisor.settings, settings)) return undefined
    return known.supervisor.replace(settings)
  }

  #remove(lane: HandlerLane): void {
    this.#lanes = this.#lanes.filter((other) => other !== lane)
    if (lane.handler !== undefined) this.#registrations.delete(lane.handler)
    this.#unknownModules.delete(lane.supervisor.settings.handler.module)
    this.#leaving.add(lane)
    const { observer, onChange } = this.#options
    void lane.stop(REMOVAL).then(() => {
      observer.handlerForgotten({ handler: lane.name })
      if (lane.isOver) this.#leaving.delete(lane)
      onChange()
    })
  }

  readonly #admit = (registration: HandlerRegistration): string | undefined => {
    const { name, module } = registration
    const known = this.#registrations.get(name)
    if (known && known.module !== module) {
      return `Two handlers are called ${name}: ${known.module} and ${module}. Rename one of them.`
    }
    this.#registrations.set(name, registration)
    this.#unknownModules.delete(module)
    if (!isDeepStrictEqual(known, registration)) this.#options.onRegistration(registration)
    return undefined
  }

  #find(handler: string): HandlerLane | undefined {
    return this.#lanes.find((lane) => lane.handler === handler)
  }

  #holdings(): Holdings[] {
    return [this.#strays, ...[...this.#lanes, ...this.#leaving].map(({ holdings }) => holdings)]
  }
}
