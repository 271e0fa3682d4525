import type { Batch } from '../../model.ts'
import { within } from '../../timers.ts'
import type { Promised, StoreCommit, Upkeep, WorkStore } from '../store.ts'
import { createJobClaims, letJobsGo } from './claim-jobs.ts'
import { createRunClaims, letRunsGo } from './claim-runs.ts'
import { foldCounters, foldSeries, runRegularly } from './counters.ts'
import { createFloor, createFloors } from './floors.ts'
import { createExtending, createHoldings, newTaker } from './holdings.ts'
import { createAppending, letBatchesGo, takeBatches } from './journal.ts'
import { createKeyMarks, findKnown } from './keys.ts'
import { createHints, createSender, listen } from './notify.ts'
import { afterOpening, createDatabaseOpening, isForGood } from './open-database.ts'
import { createOutcomes } from './outcomes.ts'
import { createPages } from './pages.ts'
import {
  createReadQuery,
  createTransactions,
  type ReadAccess,
  type TransactionPlan,
  type Transactions,
} from './transactions.ts'
import { createUpkeep } from './upkeep.ts'

/** Connections at most. Acknowledgements have theirs, so that nothing else keeps them waiting. */
const INGEST_CONNECTIONS = 4
const WORK_CONNECTIONS = 5
const UPKEEP_CONNECTIONS = 3
const READING_CONNECTIONS = 2

/** A start waits no longer for the database; the opening goes on behind it. */
const MOST_OPENING_MS = 3_000
/** Nor does a stop. */
const MOST_LETTING_GO_MS = 1_000

const FOLD: TransactionPlan = { sync: 'off', timeoutMs: 5_000 }
const PROBE: TransactionPlan = { sync: 'on', timeoutMs: 2_000 }

/** Of runs that are opened before anybody has said how long it is. */
const FIRST_LEASE_MS = 60_000

/** A store that replicas share. Everything it is asked may be asked while the database is away. */
export interface PostgresEngine extends Promised<WorkStore>, Promised<Upkeep> {
  /** Resolves once the batch is committed, together with what came at the same moment. */
  append(batch: Batch): Promise<void>
  /** From now on connections are opened with this; open ones stay. For a changed password. */
  useUrl(url: string): void
  readonly reading: ReadAccess
  close(): Promise<void>
}

export interface PostgresOptions {
  /** The receiver works, but somebody should look at the database. */
  readonly onWarning: (text: string) => void
  /** What is done now and then in the background fails again and again. Default: a warning. */
  readonly onBackgroundFailure?: (detail: string) => void
  readonly onBackgroundRecovered?: () => void
  /** Milliseconds since 1970. Default: the platform's. */
  readonly now?: () => number
  /** Milliseconds of any clock that only goes forward. Default: the platform's. */
  readonly elapsedMs?: () => number
  readonly random?: () => number
  readonly onCommit?: ((commit: StoreCommit) => void) | undefined
  /**
   * What it is for, and so which connections it opens: `ingest` for the thread that answers, with its
   * upkeep and reads; `work` for the one behind it. Default: `all`.
   */
  readonly part?: 'ingest' | 'work' | 'all'
}

/**
 * Opens the database. Resolves also while it is away: every operation then rejects with
 * `store_busy` until it is back. Rejects with `invalid_settings` or `store_too_new` when it cannot
 * be used as it is.
 */
export async function openPostgresEngine(
  firstUrl: string,
  options: PostgresOptions,
): Promise<PostgresEngine> {
  const { onWarning, part = 'all', random = Math.random, onCommit } = options
  const { now = Date.now, elapsedMs = () => performance.now() } = options
  let url = firstUrl
  const readUrl = () => url
  const pools: Transactions[] = []
  const onNumberingWrong = () => opening.doubt()

  function openPool(connections: number): Transactions {
    const pool = createTransactions(readUrl, { connections, random, onCommit, onNumberingWrong })
    pools.push(pool)
    return pool
  }

  const bare = openPool(part === 'ingest' ? UPKEEP_CONNECTIONS : WORK_CONNECTIONS)
  const opening = createDatabaseOpening(bare, onWarning)
  const work = afterOpening(bare, opening)
  const apart = (connections: number) =>
    part === 'work' ? work : afterOpening(openPool(connections), opening)
  const ingest = apart(INGEST_CONNECTIONS)
  const reading = apart(READING_CONNECTIONS)
  const parts = createParts({ work, ingest, part, now, elapsedMs })
  const stopListening = part === 'ingest' ? undefined : listen(readUrl, parts.hints.pass)
  const folding = part === 'work' ? [] : [foldCounters, foldSeries]
  const stopBackground = runRegularly(
    [parts.marks.flush, ...folding.map((fold) => () => work.run(FOLD, fold))],
    options.onBackgroundFailure ?? onWarning,
    options.onBackgroundRecovered,
  )

  async function close(): Promise<void> {
    stopBackground()
    // Else no other replica would unpack them before their lease is over.
    await within(MOST_LETTING_GO_MS, parts.heldBatches.letAllGo()).catch(() => {})
    await parts.marks.flush().catch(() => {})
    await Promise.all([stopListening?.(), ...pools.map((pool) => pool.close())])
  }

  try {
    await within(MOST_OPENING_MS, opening.open())
  } catch (error) {
    if (isForGood(error)) {
      await close()
      throw error
    }
  }
  return {
    ...serve(parts),
    reading: createReadQuery(reading),
    useUrl(newUrl) {
      url = newUrl
    },
    close,
  }
}

/** All that reads and writes rows. */
function createParts(options: {
  work: Transactions
  ingest: Transactions
  part: 'ingest' | 'work' | 'all'
  now: () => number
  elapsedMs: () => number
}) {
  const { work, ingest, part, now, elapsedMs } = options
  const taker = newTaker()
  const floors = { batches: createFloor(elapsedMs), runs: createFloors(elapsedMs) }
  const heldBatches = createHoldings(async (but: readonly number[]) => {
    await letBatchesGo(work, taker, but)
    floors.batches.lower()
  })
  const heldRuns = createHoldings(async (but: readonly number[]) => {
    await letRunsGo(work, taker, but)
    floors.runs.lower()
  })
  const heldJobs = createHoldings((but: readonly string[]) => letJobsGo(work, taker, but))
  const marks = createKeyMarks(work)
  const lease = { ms: FIRST_LEASE_MS }
  const hints = createHints(createSender(work))
  return {
    work,
    ingest,
    taker,
    heldBatches,
    heldRuns,
    floors,
    marks,
    lease,
    hints,
    appending: createAppending({
      transactions: ingest,
      connections: part === 'work' ? 1 : INGEST_CONNECTIONS,
    }),
    pages: createPages(work, {
      taker,
      heldBatches,
      leaseMs: () => lease.ms,
      onStored: marks.add,
    }),
    outcomes: createOutcomes(work, { runs: heldRuns, jobs: heldJobs }),
    claims: {
      ...createRunClaims(work, { taker, heldRuns, runFloors: floors.runs }),
      ...createJobClaims(work, { taker, heldJobs, jobFloors: createFloors(elapsedMs), now }),
      ...createExtending(work, { taker, heldRuns, heldJobs, heldBatches }),
    },
    upkeep: createUpkeep(work, { marks, now, tell: hints.tell }),
  }
}

/** Every operation, each telling those who wait for it. */
function serve(
  parts: ReturnType<typeof createParts>,
): Omit<PostgresEngine, 'useUrl' | 'reading' | 'close'> {
  const { work, ingest, taker, heldBatches, heldRuns, floors, lease, hints } = parts
  const { appending, pages, outcomes, claims, upkeep } = parts
  return {
    async append(batch) {
      await appending.append(batch)
      hints.tell('batches')
    },
    async probe() {
      await ingest.runOne(PROBE, `INSERT INTO counters (name, n) VALUES ('probes', 0)`)
    },
    takeBatches(request) {
      lease.ms = request.leaseMs
      return takeBatches(work, request, { taker, held: heldBatches, floor: floors.batches })
    },
    findKnown: (keys) => findKnown(work, keys),
    commit: (given) =>
      heldRuns.taking(async () => {
        // Both have ended before anybody hears that one has failed.
        const [stored, recorded] = await Promise.allSettled([
          pages.commit(given.pages),
          outcomes.record(given.progress, given.jobs),
        ])
        if (stored.status === 'rejected') throw stored.reason
        if (recorded.status === 'rejected') throw recorded.reason
        for (const { handler, isGivenBack } of given.progress) {
          if (isGivenBack) floors.runs.lower(handler)
        }
        const runs = stored.value.flatMap((page) => (page.kind === 'stored' ? page.runs : []))
        for (const { run, fence } of runs) if (fence > 0) heldRuns.hold(run, lease.ms, fence)
        if (runs.length > 0) hints.tell('jobs')
        return { pages: stored.value, refused: recorded.value }
      }),
    ...claims,
    ...upkeep,
    cutRun: outcomes.cutRun,
    onHint: hints.onHint,
  }
}
