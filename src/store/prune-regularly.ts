import { type StartTimer, startPlatformTimer } from '../timers.ts'
import { HOUR_MS, WRITTEN_AT } from './believed-time.ts'
import type { PruneRequest, Store, StoreTime } from './store.ts'

const DAY_MS = 24 * HOUR_MS

/** Between two small steps, so that pruning never gets in the way of events. */
const BREATH_MS = 20

/**
 * Further than this, no clock goes between two looks at it: they are an hour apart while the receiver
 * runs, and whoever stood still for a week loses nothing by forgetting three days later. A wrong clock
 * within it takes at most a week off what is kept.
 */
const LARGEST_STEP_MS = 7 * DAY_MS
/** Clocks that are set by the network differ by less than a second, others by minutes. */
const LARGEST_DIFFERENCE_MS = 10 * 60_000
/** A clock that has gone on steadily for so long is believed: somebody has been told all the time. */
const BELIEVED_AFTER_MS = 3 * DAY_MS

export interface Retention {
  readonly retainEventsMs: number
  readonly retainDeadMs: number
  readonly retainKeysMs: number
}

/** Why a clock is not believed. */
export type ClockDoubt = 'before_build' | 'far_ahead' | 'far_behind' | 'differs_from_database'

/** Why nothing is forgotten: by our clock, and by what it was compared with. */
export interface HeldBack {
  readonly reason: ClockDoubt
  readonly clock: number
  readonly comparedWith: number
}

/**
 * What speaks against a clock; undefined: nothing does. What it would have forgotten cannot be had
 * back, so a step that nobody can explain holds pruning back. `steadyMs` is how long the clock has
 * gone on without a step since it was first doubted.
 */
export function findClockDoubt(
  now: number,
  { seenAt, databaseNow }: StoreTime,
  steadyMs = 0,
): HeldBack | undefined {
  const doubt = (reason: ClockDoubt, comparedWith: number) => ({ reason, clock: now, comparedWith })
  if (now < WRITTEN_AT) return doubt('before_build', WRITTEN_AT)
  if (databaseNow !== undefined && Math.abs(now - databaseNow) > LARGEST_DIFFERENCE_MS) {
    return doubt('differs_from_database', databaseNow)
  }
  if (seenAt === undefined || steadyMs >= BELIEVED_AFTER_MS) return undefined
  if (now > seenAt + LARGEST_STEP_MS) return doubt('far_ahead', seenAt)
  return now < seenAt - LARGEST_STEP_MS ? doubt('far_behind', seenAt) : undefined
}

/** How long the clock has gone on steadily since the first look; any step begins anew. */
export function createSteadiness(now: () => number, elapsedMs: () => number): () => number {
  let first: { clock: number; elapsed: number } | undefined
  return () => {
    const [clock, elapsed] = [now(), elapsedMs()]
    first ??= { clock, elapsed }
    const steady = elapsed - first.elapsed
    if (Math.abs(clock - first.clock - steady) <= LARGEST_DIFFERENCE_MS) return steady
    first = { clock, elapsed }
    return 0
  }
}

/** What an operator reads, wherever it is told. */
export function describeHeldBack({ reason, clock, comparedWith }: HeldBack): string {
  const [ours, theirs] = [clock, comparedWith].map((at) => new Date(at).toISOString())
  const causes: Readonly<Record<ClockDoubt, string>> = {
    before_build: `the clock says ${ours}, before this program was written`,
    far_ahead: `the clock says ${ours}, the store was last in use at ${theirs}`,
    far_behind: `the clock says ${ours}, the store was in use at ${theirs} already`,
    differs_from_database: `the clock says ${ours}, the database's ${theirs}`,
  }
  return `Nothing is forgotten by age: ${causes[reason]}. Set the clock. If it is right, do nothing: it is believed once it has gone on for three days.`
}

export interface PruneObserver {
  /** Also of none: the clock is believed. */
  pruned(fact: { rows: number }): void
  /** The clock may be wrong, so that nothing is forgotten by age: somebody has to look. */
  pruneHeldBack(fact: HeldBack): void
  storeFailed(fact: { code: string; detail: string }): void
}

/** Forgets by age: once at the start and then every hour, in small steps. */
export function pruneRegularly(
  store: Pick<Store, 'prune' | 'readTime'>,
  options: {
    retention: Retention
    observer: PruneObserver
    now: () => number
    /** Milliseconds of a clock that only goes forward. Default: the platform's. */
    elapsedMs?: () => number
    /** Rings once after so many milliseconds, unless it is stopped. Default: the platform's. */
    startTimer?: StartTimer
  },
): { stop(): Promise<void> } {
  const { retention, observer, now, startTimer = startPlatformTimer } = options
  const { elapsedMs = () => performance.now() } = options
  const readSteadiness = createSteadiness(now, elapsedMs)
  let hasStopped = false
  let stopTimer = () => {}
  let running = run()

  async function run(): Promise<void> {
    try {
      const isStopped = () => hasStopped
      const outcome = await pruneBy(store, { retention, clock: now(), readSteadiness, isStopped })
      if (typeof outcome !== 'number') observer.pruneHeldBack(outcome)
      else observer.pruned({ rows: outcome })
    } catch (error) {
      if (!hasStopped) observer.storeFailed({ code: 'prune', detail: String(error) })
    }
    if (hasStopped) return
    stopTimer = startTimer(HOUR_MS, () => {
      running = run()
    })
  }

  return {
    async stop() {
      hasStopped = true
      stopTimer()
      await running
    },
  }
}

export interface PruneOptions {
  readonly retention: Retention
  /** By which the limits are reckoned. */
  readonly clock: number
  /** Of whoever has watched the clock for long. */
  readonly readSteadiness?: () => number
  readonly onProgress?: (rows: number) => void
  readonly isStopped?: () => boolean
}

/**
 * Forgets all that is older, in small steps, if the clock is believed; answers how many rows. People
 * who ask for it have no better clock than the receiver.
 */
export async function pruneBy(
  store: Pick<Store, 'prune' | 'readTime'>,
  options: PruneOptions,
): Promise<number | HeldBack> {
  const {
    retention,
    clock,
    readSteadiness = () => 0,
    onProgress,
    isStopped = () => false,
  } = options
  const heldBack = findClockDoubt(clock, await store.readTime(), readSteadiness())
  if (heldBack) return heldBack
  let request: PruneRequest = { ...readLimits(retention, clock), clock }
  let rows = 0
  while (!isStopped()) {
    const { removed, after } = await store.prune(request)
    rows += removed
    onProgress?.(rows)
    if (after === undefined) break
    request = { ...request, after }
    await new Promise((resolve) => setTimeout(resolve, BREATH_MS))
  }
  return rows
}

/** Always counted from receipt. */
function readLimits(retention: Retention, now: number): PruneRequest {
  return {
    eventsBefore: now - retention.retainEventsMs,
    deadBefore: now - retention.retainDeadMs,
    keysBefore: now - retention.retainKeysMs,
  }
}
