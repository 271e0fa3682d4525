import { dirname } from 'node:path'
import { ReceiverError } from '../../errors.ts'
import type { Batch } from '../../model.ts'
import type {
  AtOnce,
  StoreCommit,
  TurnRequest,
  Upkeep,
  Work,
  WorkReceipt,
  WorkStore,
} from '../store.ts'
import { createBodies, createKnownEvents } from './bodies.ts'
import { createCounters } from './counters.ts'
import { lockDataDirectory, RECEIVER_WAIT_MS } from './data-lock.ts'
import { type Database, translateError } from './driver.ts'
import { createWords } from './event-rows.ts'
import { createGuard, type OpenFile } from './guard.ts'
import { createClockSteps, createJobs, endImpossibleWaits } from './jobs.ts'
import { createJournal } from './journal.ts'
import { openKeyStore } from './keys.ts'
import { createLookups } from './lookups.ts'
import { openForWriting } from './open-database.ts'
import { createPages } from './pages.ts'
import { createRunEnds } from './run-ends.ts'
import { createRuns } from './runs.ts'
import { createHeld, type Transactions } from './transactions.ts'
import { createUpkeep } from './upkeep.ts'
import { createWiping, type WipeStep } from './wipe.ts'

/** A store on a file of this process alone. Nothing waits: every operation answers at once, or throws. */
export interface SqliteEngine extends AtOnce<WorkStore>, AtOnce<Upkeep> {
  /**
   * Keeps batches in one transaction, on disk and in their place when it returns. The same id twice is the same batch,
   * kept once. Throws when none is kept; with `store_refused` the others have to be tried alone. The
   * bodies must not change afterwards: those that are taken soon are not read back.
   */
  append(batches: readonly Batch[]): void
  /** Moves pages of the log into the database if there are many; to be called when nobody waits. */
  checkpointIfDue(): void
  /** One bounded step of merging keys; true while there is more to do now. */
  mergeKeys(budgetMs: number): boolean
  /** One step of overwriting what is deleted; true once this kind of step is done. */
  wipe(step: WipeStep): boolean
  /** Lets go of the data directory. Afterwards every operation throws `store_closed`. */
  close(): void
}

export interface EngineOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Milliseconds of a clock that only goes forward. */
  readonly elapsedMs?: () => number
  readonly onCommit?: (commit: StoreCommit) => void
  readonly onWarning?: (text: string) => void
  /** Whether a process that is just stopping may take its time to let go. Default false. */
  readonly waitsForLock?: boolean
}

/** Opens the database of this data directory, for this process alone. */
export async function openSqliteEngine(
  file: string,
  options: EngineOptions = {},
): Promise<SqliteEngine> {
  const { waitsForLock = false } = options
  const waitMs = waitsForLock ? RECEIVER_WAIT_MS : 0
  const lock = await lockDataDirectory(dirname(file), { ...options, waitMs })
  try {
    const db = await openForWriting(file, options.onWarning)
    try {
      return createEngine({ file, db, lock }, options)
    } catch (error) {
      db.close()
      throw error
    }
  } catch (error) {
    // Whoever hears that it failed may move the file or try again at once: nothing stays open.
    lock.close()
    throw translateError(error)
  }
}

function createEngine(opened: OpenFile, options: EngineOptions): SqliteEngine {
  const { now = Date.now, elapsedMs = () => performance.now() } = options
  const { db } = opened
  const guard = createGuard(opened, { ...options, elapsedMs })
  const { transactions } = guard
  const parts = createParts(db, { ...options, now, elapsedMs, transactions })
  const { counters, keys, journal, jobs, runs, isPaused } = parts
  const takeTurns = createTurns(elapsedMs)
  const followClock = createClockSteps(db, { now, elapsedMs, transactions })
  const { wipeFree, wipe, wiping } = createWiping(db, transactions)
  const upkeep = createUpkeep(db, { ...parts, guard, now, wiping })
  guard.write('NORMAL', () => endImpossibleWaits(db, now()))

  return {
    append: (batches) => guard.write('FULL', () => batches.forEach(journal.append)),
    takeBatches(request) {
      // Done each second at least, also where nothing is written.
      guard.look()
      return guard.read(() => journal.takeBatches(request))
    },
    findKnown: (asked) => guard.read(() => parts.findKnown(asked)),
    commit: createCommit(parts, { guard, followClock, now }),
    claimRuns: (request) =>
      guard.read(() => isPaused(request.handler))
        ? []
        : guard.write('NORMAL', () => runs.claim(request, now())),
    claimJobs: (request) =>
      guard.read(() => isPaused(request.handler))
        ? []
        : guard.write('NORMAL', () => {
            followClock()
            return jobs.claim(request, now())
          }),
    extend: ({ batches }, leaseMs) => journal.extend(batches, leaseMs),
    takeTurns: (request) => (guard.read(() => isPaused(request.handler)) ? 0 : takeTurns(request)),
    probe: () => guard.write('FULL', () => counters.set('probed_at', now())),
    // Nobody else adds anything: what this thread has added it knows.
    onHint: () => () => {},
    ...upkeep,
    checkpointIfDue: guard.checkpointIfDue,
    mergeKeys(budgetMs) {
      if (!guard.read(() => keys.isBehind())) return false
      // A crash may undo a step with all that follow it; whatever is promised later syncs it as well.
      guard.write('NORMAL', () => keys.merge(budgetMs))
      return keys.isBehind()
    },
    wipe: (step) =>
      step === 'free' ? guard.write('NORMAL', wipeFree) : guard.outside(() => wipe(step)),
    close: guard.close,
  }
}

/** Work that would only be done again: should a power cut take it back, the batch is still there. */
function createCommit(
  { ends, jobs, pages }: ReturnType<typeof createParts>,
  parts: {
    readonly guard: ReturnType<typeof createGuard>
    readonly followClock: () => void
    readonly now: () => number
  },
): (work: Work) => WorkReceipt {
  const { guard, followClock, now } = parts

  const record = (work: Work, isApart: boolean): WorkReceipt =>
    guard.write('NORMAL', () => {
      followClock()
      const time = now()
      let refused = 0
      for (const progress of work.progress) refused += ends.record(progress, time)
      for (const ended of work.jobs) if (!jobs.end(ended, time)) refused++
      return { pages: pages.store(work.pages, { now: time, isApart }), refused }
    })

  return (work) => {
    try {
      return record(work, false)
    } catch (error) {
      const isRefused = error instanceof ReceiverError && error.code === 'store_refused'
      if (!isRefused || work.pages.length === 0) throw error
      return record(work, true)
    }
  }
}

/** All that reads and writes rows. */
function createParts(
  db: Database,
  options: EngineOptions & {
    readonly now: () => number
    readonly elapsedMs: () => number
    readonly transactions: Transactions
  },
) {
  const { elapsedMs, transactions, onWarning } = options
  const counters = createCounters(db, transactions)
  const bodies = createBodies(db)
  const keys = openKeyStore(db, transactions, onWarning ? { onWarning } : {})
  const lookups = createLookups(db)
  const words = createWords(db)
  const journal = createJournal(db, { transactions, counters, elapsedMs })
  const jobs = createJobs(db, { transactions, counters })
  const held = createHeld<number>(transactions)
  const ends = createRunEnds(db, { held, counters, bodies, jobs })
  const runs = createRuns(db, { held, bodies, ends, words })
  const selectPaused = db.prepare('SELECT 1 FROM handlers WHERE name = ? AND paused_at IS NOT NULL')
  const isPaused = (handler: string) => selectPaused.get(handler) !== undefined
  const parts = { transactions, counters, keys, lookups, words, journal, bodies, runs, isPaused }
  return {
    ...parts,
    jobs,
    ends,
    pages: createPages(db, parts),
    findKnown: createKnownEvents(db, parts),
  }
}

/** Nobody else takes turns from these: they need not be stored. */
function createTurns(elapsedMs: () => number) {
  const takenUntilUs = new Map<string, number>()
  return ({ handler, wanted, everyUs, atOnce }: TurnRequest): number => {
    const nowUs = 1_000 * elapsedMs()
    const sinceUs = Math.max(
      takenUntilUs.get(handler) ?? Number.NEGATIVE_INFINITY,
      nowUs - atOnce * everyUs,
    )
    const turns = Math.min(wanted, Math.floor((nowUs - sinceUs) / everyUs))
    takenUntilUs.set(handler, sinceUs + turns * everyUs)
    return turns
  }
}
