import type { Batch, HashedBody } from '../../model.ts'
import { within } from '../../timers.ts'
import type { ArchivePort } from '../archive/port.ts'
import type { Promised, StoreCommit, Upkeep, Work, WorkReceipt, WorkStore } from '../store.ts'
import { AppendedBodies } from './appended-bodies.ts'
import { claimJobs, claimRuns, takeTurns } from './claim-runs.ts'
import { foldCounters, foldSeries, runRegularly } from './counters.ts'
import { createAppending, takeBatches } from './journal.ts'
import { createKeyMarks, findKnown } from './keys.ts'
import { createLeases, extend } from './leases.ts'
import { createHints, listen } from './notify.ts'
import { afterOpening, createDatabaseOpening, isForGood } from './open-database.ts'
import { record } from './outcomes.ts'
import { createPages } from './pages.ts'
import {
  createTransactions,
  snapshotsOf,
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

/** A store that replicas share. Everything it is asked may be asked while the database is away. */
export interface PostgresEngine extends Promised<WorkStore>, Promised<Upkeep> {
  /** Resolves once the batch is committed, together with what came at the same moment. */
  append(batch: Batch): Promise<void>
  /** This batch was appended beside this engine: its body, which must not change, need not be read back. */
  noteAppended(batch: HashedBody): void
  /** From now on connections are opened with this; open ones stay. For a changed password. */
  useUrl(url: string): void
  /** For people's reads. */
  readonly inSnapshot: ArchivePort['inSnapshot']
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
  const onConnectionLost = () => leases.doubt()

  function openPool(connections: number): Transactions {
    const told = { onCommit, onNumberingWrong, onConnectionLost }
    const pool = createTransactions(readUrl, { connections, random, ...told })
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
  const given = { work, ingest, part, now, elapsedMs }
  const { operations, leases, marks, hints } = createOperations(given)
  const stopListening = part === 'ingest' ? undefined : listen(readUrl, hints.pass)
  const folding = part === 'work' ? [] : [foldCounters, foldSeries]
  const stopBackground = runRegularly(
    [marks.flush, ...folding.map((fold) => () => work.run(FOLD, fold))],
    options.onBackgroundFailure ?? onWarning,
    options.onBackgroundRecovered,
  )

  async function close(): Promise<void> {
    stopBackground()
    // Else no other replica would unpack them before their lease is over.
    await within(MOST_LETTING_GO_MS, leases.batches.letAllGo()).catch(() => {})
    await marks.flush().catch(() => {})
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
    ...operations,
    inSnapshot: snapshotsOf(reading),
    useUrl(newUrl) {
      url = newUrl
    },
    close,
  }
}

/** All that reads and writes rows; each operation tells those who wait for it. */
function createOperations(options: {
  work: Transactions
  ingest: Transactions
  part: 'ingest' | 'work' | 'all'
  now: () => number
  elapsedMs: () => number
}) {
  const { work, ingest, part, now, elapsedMs } = options
  const leases = createLeases(work, elapsedMs)
  const marks = createKeyMarks(work)
  const hints = createHints(work)
  const appending = createAppending(ingest, part === 'work' ? 1 : INGEST_CONNECTIONS)
  const appended = new AppendedBodies()
  const pages = createPages(work, leases, marks.add)
  const operations: Omit<PostgresEngine, 'useUrl' | 'inSnapshot' | 'close'> = {
    ...createUpkeep(work, { marks, now, tell: hints.tell }),
    async append(batch) {
      await appending.append(batch)
      hints.tell('batches')
    },
    noteAppended: (batch) => appended.keep(batch),
    async probe() {
      await ingest.runOne(PROBE, `INSERT INTO counters (name, n) VALUES ('probes', 0)`)
    },
    takeBatches: (request) => takeBatches(work, leases, appended, request),
    findKnown: (keys) => findKnown(work, keys),
    commit: (given) => leases.runs.taking(() => commit(given)),
    claimRuns: (request) => claimRuns(work, leases, request),
    claimJobs: (request) => claimJobs(work, leases, request),
    extend: (held, leaseMs) => extend(work, leases, held, leaseMs),
    takeTurns: (request) => takeTurns(work, request),
    onHint: hints.onHint,
  }

  async function commit(given: Work): Promise<WorkReceipt> {
    // Both have ended before anybody hears that one has failed.
    const [stored, recorded] = await Promise.allSettled([
      pages.commit(given.pages),
      record(work, leases, given),
    ])
    if (stored.status === 'rejected') throw stored.reason
    if (recorded.status === 'rejected') throw recorded.reason
    for (const [index, { kind }] of stored.value.entries()) {
      const seq = given.pages[index]?.batch.seq
      // As the last, so that whoever has it in his hands drops it before it is taken anew.
      if (kind === 'taken' && seq !== undefined) leases.batches.doubt(seq)
    }
    for (const { handler, isGivenBack } of given.progress) {
      if (isGivenBack) leases.runs.lowerFloor(handler)
    }
    const runs = stored.value.flatMap((page) => (page.kind === 'stored' ? page.runs : []))
    for (const { run, fence } of runs) if (fence > 0) leases.runs.hold(run, leases.ms, fence)
    if (runs.length > 0) hints.tell('jobs')
    return { pages: stored.value, refused: recorded.value }
  }

  return { operations, leases, marks, hints }
}
