import type { HandlerRegistration } from '../model.ts'
import type {
  Dispatcher,
  DispatcherOptions,
  HandlerSettings,
  ProcessLimits,
  StartReport,
  StopLimits,
} from './dispatcher-options.ts'
import { HandlerLane, type LaneHealth } from './handler-lane.ts'
import { keepLeases } from './lease-keeper.ts'
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
/** How long the last outcomes may take to be recorded; then they are left to their leases. */
const LAST_SETTLE_MS = 1_000

/** Jobs → handlers' processes → outcomes: a lane for every handler module. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return new LaneDispatcher(options)
}

class LaneDispatcher implements Dispatcher {
  readonly #options: DispatcherOptions
  readonly #watch
  readonly #settler: Settler
  readonly #leaseMs: number
  readonly #lanes: readonly HandlerLane[]
  readonly #registrations = new Map<string, HandlerRegistration>()
  #hasStarted = false
  #stopListening = () => {}
  #stopKeepingLeases = () => {}
  #stopped: Promise<void> | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#watch = createStoreWatch(options.observer)
    this.#settler = new Settler(options.store, this.#watch)
    this.#leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS
    this.#lanes = options.handlers.map((settings) => this.#createLane(settings))
  }

  async start(): Promise<StartReport> {
    const { store, startWaitMs = DEFAULT_START_WAIT_MS } = this.#options
    this.#stopListening = store.onHint((hint) => {
      if (hint === 'jobs') for (const lane of this.#lanes) lane.wake()
    })
    this.#stopKeepingLeases = keepLeases({
      store,
      watch: this.#watch,
      leaseMs: this.#leaseMs,
      attempts: () => this.#attempts(),
    })
    const problems: string[] = []
    const startLane = async (lane: HandlerLane) => {
      const failure = await lane.start()
      if (failure?.kind === 'invalid') problems.push(...failure.problems)
    }
    await withinTime(startWaitMs, Promise.all(this.#lanes.map(startLane)))
    this.#hasStarted = true
    return { registrations: [...this.#registrations.values()], problems: [...problems] }
  }

  async stop({ softMs, hardMs }: StopLimits): Promise<void> {
    this.#stopped ??= this.#stopLanes()
    const timers = [
      setTimeout(() => this.#lanes.forEach((lane) => lane.abort()), softMs),
      setTimeout(() => this.#lanes.forEach((lane) => lane.kill()), hardMs),
    ]
    await withinTime(hardMs + LAST_SETTLE_MS, this.#stopped)
    for (const timer of timers) clearTimeout(timer)
    this.#settler.abandon()
    this.#stopKeepingLeases()
  }

  health(): readonly LaneHealth[] {
    return this.#lanes.map((lane) => lane.health)
  }

  refusedOutcomes(): number {
    return this.#settler.refused
  }

  #createLane(settings: HandlerSettings): HandlerLane {
    const { module, concurrency, timeoutMs, retryDelaysMs, maxHeapBytes } = settings
    const { store, observer, now, random, childEnv } = this.#options
    const limits = { ...DEFAULT_LIMITS, ...this.#options.limits }
    return new HandlerLane(
      {
        ...limits,
        maxHeapBytes: maxHeapBytes ?? limits.maxHeapBytes,
        module,
        concurrency,
        timeoutMs,
        delaysMs: retryDelaysMs,
        env: childEnv,
      },
      {
        store,
        watch: this.#watch,
        settler: this.#settler,
        observer,
        leaseMs: this.#leaseMs,
        now,
        random,
        admit: (registration) => this.#admit(registration),
      },
    )
  }

  #admit(registration: HandlerRegistration): string | undefined {
    const { name, module } = registration
    const known = this.#registrations.get(name)
    if (known && known.module !== module) {
      return `Two handlers are called ${name}: ${known.module} and ${module}. Rename one of them.`
    }
    this.#registrations.set(name, registration)
    if (this.#hasStarted && !known) this.#options.onLateRegistration?.(registration)
    return undefined
  }

  *#attempts() {
    for (const lane of this.#lanes) yield* lane.handedJobs()
    yield* this.#settler.unsettled()
  }

  async #stopLanes(): Promise<void> {
    this.#stopListening()
    await Promise.all(this.#lanes.map((lane) => lane.stop()))
    await this.#settler.flush()
  }
}

/** Resolves when `work` does, or after so many milliseconds. */
async function withinTime(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, timeUp])
  clearTimeout(timer)
}
