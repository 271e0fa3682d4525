import { isDeepStrictEqual } from 'node:util'
import type { HandlerRegistration } from '../model.ts'
import type { LoadFailure } from './channel-frames.ts'
import type {
  Dispatcher,
  DispatcherOptions,
  HandlerSettings,
  ProcessLimits,
  ReloadOrder,
  StartReport,
  StopLimits,
} from './dispatcher-options.ts'
import { endLanes, withinTime } from './end-lanes.ts'
import { HandlerLane } from './handler-lane.ts'
import type { LaneSettings } from './lane-settings.ts'
import { createLeaseKeeper, type LeaseKeeper } from './lease-keeper.ts'
import { Settler } from './settler.ts'
import { createStoreWatch } from './store-watch.ts'

const MEGABYTE = 1024 * 1024
const DEFAULT_LIMITS: ProcessLimits = {
  graceMs: 1_000,
  loadTimeoutMs: 30_000,
  maxHeapBytes: 256 * MEGABYTE,
  memoryMarginBytes: 128 * MEGABYTE,
  maxAgeMs: 6 * 3_600_000,
  maxJobs: 10_000_000,
}
const DEFAULT_LEASE_MS = 60_000
const DEFAULT_START_WAIT_MS = 10_000
/** How long a handler that was taken out may go on undisturbed, and at all. */
const REMOVAL: StopLimits = { softMs: 30_000, hardMs: 60_000 }

/** Jobs → handlers' processes → outcomes: a lane for every handler module. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return new LaneDispatcher(options)
}

class LaneDispatcher implements Dispatcher {
  readonly #options: DispatcherOptions
  readonly #watch
  readonly #settler: Settler
  readonly #leaseMs: number
  readonly #leases: LeaseKeeper
  #lanes: HandlerLane[]
  /** Whose handlers were taken out: they finish their jobs. */
  readonly #leaving = new Set<HandlerLane>()
  readonly #registrations = new Map<string, HandlerRegistration>()
  #hasStarted = false
  #stopListening = () => {}
  #stopped: Promise<void> | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#watch = createStoreWatch(options.observer)
    this.#settler = new Settler(options.store, this.#watch)
    this.#leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS
    this.#leases = createLeaseKeeper({
      store: options.store,
      watch: this.#watch,
      leaseMs: this.#leaseMs,
      attempts: () => this.#attempts(),
      now: options.now,
    })
    const { handlers, childEnv } = options
    this.#lanes = handlers.map((settings) => this.#createLane(this.#fillIn(settings, childEnv)))
  }

  async start(): Promise<StartReport> {
    const { store, startWaitMs = DEFAULT_START_WAIT_MS } = this.#options
    this.#stopListening = store.onHint((hint) => {
      if (hint === 'jobs') for (const lane of this.#lanes) lane.wake()
    })
    this.#leases.start()
    const problems: string[] = []
    const startLane = async (lane: HandlerLane) => {
      const failure = await lane.start()
      if (failure?.kind === 'invalid') problems.push(...failure.problems)
    }
    await withinTime(startWaitMs, Promise.all(this.#lanes.map(startLane)))
    this.#hasStarted = true
    return { registrations: [...this.#registrations.values()], problems: [...problems] }
  }

  async reload({ handlers, childEnv, isCodeNew }: ReloadOrder) {
    if (this.#stopped !== undefined) return { problems: [] }
    const modules = handlers.map(({ module }) => module)
    for (const lane of this.#lanes) {
      if (!modules.includes(lane.settings.module)) this.#remove(lane)
    }
    const problems: string[] = []
    const take = async (settings: LaneSettings) => {
      const failure = await this.#take(settings, isCodeNew)
      if (failure) problems.push(...failure.problems.map((each) => `${settings.module}: ${each}`))
    }
    await Promise.all(handlers.map((settings) => take(this.#fillIn(settings, childEnv))))
    return { problems }
  }

  async stop(limits: StopLimits): Promise<void> {
    this.#stopped ??= this.#stopLanes()
    await endLanes([...this.#lanes, ...this.#leaving], this.#stopped, limits)
    this.#settler.abandon()
    this.#leases.stop()
  }

  refusedOutcomes(): number {
    return this.#settler.refused
  }

  /** With what holds for every handler. */
  #fillIn(
    { module, concurrency, timeoutMs, retryDelaysMs, maxHeapBytes }: HandlerSettings,
    env: ReloadOrder['childEnv'],
  ): LaneSettings {
    const limits = { ...DEFAULT_LIMITS, ...this.#options.limits }
    return {
      ...limits,
      maxHeapBytes: maxHeapBytes ?? limits.maxHeapBytes,
      module,
      concurrency,
      timeoutMs,
      delaysMs: retryDelaysMs,
      env,
    }
  }

  #createLane(settings: LaneSettings): HandlerLane {
    const { store, observer, now, random } = this.#options
    return new HandlerLane(settings, {
      store,
      watch: this.#watch,
      settler: this.#settler,
      observer,
      leases: this.#leases,
      leaseMs: this.#leaseMs,
      now,
      random,
      admit: (registration) => this.#admit(registration),
    })
  }

  #take(settings: LaneSettings, isCodeNew: boolean): Promise<LoadFailure | undefined> {
    const known = this.#lanes.find((lane) => lane.settings.module === settings.module)
    if (!known) {
      const lane = this.#createLane(settings)
      this.#lanes.push(lane)
      return lane.start()
    }
    if (!isCodeNew && isDeepStrictEqual(known.settings, settings)) return Promise.resolve(undefined)
    return known.replace(settings)
  }

  #remove(lane: HandlerLane): void {
    this.#lanes = this.#lanes.filter((other) => other !== lane)
    if (lane.handler !== undefined) this.#registrations.delete(lane.handler)
    this.#leaving.add(lane)
    const { observer } = this.#options
    const stopped = lane.stop()
    void endLanes([lane], stopped, REMOVAL).then(() => this.#leaving.delete(lane))
    void stopped.then(() => observer.handlerForgotten({ handler: lane.name }))
  }

  #admit(registration: HandlerRegistration): string | undefined {
    const { name, module } = registration
    const known = this.#registrations.get(name)
    if (known && known.module !== module) {
      return `Two handlers are called ${name}: ${known.module} and ${module}. Rename one of them.`
    }
    this.#registrations.set(name, registration)
    if (this.#hasStarted && !isDeepStrictEqual(known, registration))
      this.#options.onLateRegistration?.(registration)
    return undefined
  }

  *#attempts() {
    for (const lane of [...this.#lanes, ...this.#leaving]) yield* lane.handedJobs()
    yield* this.#settler.unsettled()
  }

  async #stopLanes(): Promise<void> {
    this.#stopListening()
    await Promise.all([...this.#lanes, ...this.#leaving].map((lane) => lane.stop()))
    await this.#settler.flush()
  }
}
