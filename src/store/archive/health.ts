import type { DatabaseHealth } from '../reading.ts'
import { query, type Steps } from '../steps.ts'
import type { Reading } from './port.ts'

/** Tables in which rows change all the time; their dead rows slow every claim and every look-up. */
export const HOT_TABLES = [
  'batches',
  'bodies',
  'counters',
  'event_series',
  'events',
  'jobs',
  'keys',
  'runs',
] as const

const COUNT_DEAD = `
  SELECT relname AS name, n_dead_tup AS n FROM pg_stat_user_tables
  WHERE relname IN ('${HOT_TABLES.join(`', '`)}') AND relid = to_regclass(relname)`

/** A transaction keeps vacuum from all that it might still see; one that was prepared, for ever. */
const OLDEST_TRANSACTION = `
  SELECT (extract(epoch FROM clock_timestamp() - since) * 1000)::bigint AS ms, pid, application
  FROM (
    SELECT xact_start AS since, pid, application_name AS application FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    UNION ALL
    SELECT prepared, 0, 'prepared transaction' FROM pg_prepared_xacts
    WHERE database = current_database()
  ) AS transactions ORDER BY since LIMIT 1`

/** Its reset value: within a transaction of ours, synchronous_commit is what we set. */
const READ_SETTINGS = `
  SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
    (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') AS synchronous_commit`

const DURABILITY = ['fsync', 'full_page_writes', 'synchronous_commit'] as const
export type DurabilitySetting = (typeof DURABILITY)[number]

/** Settings that are off, each of which makes a 200 worth less than we promise. */
export function* findTurnedOff(): Steps<readonly DurabilitySetting[]> {
  const [found] = yield* query<Record<DurabilitySetting, string>>(READ_SETTINGS)
  return DURABILITY.filter((name) => found?.[name] === 'off')
}

interface OldestTransaction {
  ms: number
  pid: number
  application: string
}

/** What an operator should keep an eye on. Of sessions, those that our user may see. */
export function* readHealth({ engine }: Reading): Steps<DatabaseHealth | undefined> {
  if (engine === 'sqlite') return undefined
  const dead = yield* query<{ name: string; n: number }>(COUNT_DEAD)
  const [oldest] = yield* query<OldestTransaction>(OLDEST_TRANSACTION)
  return {
    deadRows: Object.fromEntries(dead.map(({ name, n }) => [name, n])),
    oldestTransactionMs: Math.max(0, oldest?.ms ?? 0),
    oldestTransactionBy: oldest && { pid: oldest.pid, application: oldest.application },
    turnedOff: yield* findTurnedOff(),
  }
}

const LOOK_MS = 30_000
/** No transaction of ours takes so long, and none of a healthy service. */
const LONG_TRANSACTION_MS = 60_000
/** While one goes on, it is told again. */
const TELL_AGAIN_MS = 600_000

interface TransactionObserver {
  /** After each look; 0 without one. `holder` only of one that takes long. */
  transactionsSeen(fact: { oldestMs: number; holder: DatabaseHealth['oldestTransactionBy'] }): void
  /** Vacuum waits for it, and everything that looks through rows which change gets slower. */
  transactionForgotten(fact: { pid: number; application: string; ageMs: number }): void
}

/** Looks at the oldest transaction of anybody in the database, which nobody else may notice. */
export function watchTransactions(
  store: { health(): Promise<DatabaseHealth | undefined> },
  options: {
    readonly observer: TransactionObserver
    /** Milliseconds of a clock that only goes forward. Default: the platform's. */
    readonly elapsedMs?: () => number
  },
): () => void {
  const { observer, elapsedMs = () => performance.now() } = options
  let told: { readonly pid: number; readonly at: number } | undefined

  async function look(): Promise<void> {
    const health = await store.health()
    if (!health) return
    const { oldestTransactionMs: oldestMs, oldestTransactionBy } = health
    const holder = oldestMs >= LONG_TRANSACTION_MS ? oldestTransactionBy : undefined
    observer.transactionsSeen({ oldestMs, holder })
    if (!holder) {
      told = undefined
      return
    }
    const isKnown = told?.pid === holder.pid && elapsedMs() - told.at < TELL_AGAIN_MS
    if (isKnown) return
    told = { pid: holder.pid, at: elapsedMs() }
    observer.transactionForgotten({ ...holder, ageMs: oldestMs })
  }

  // That the database is away is told by others.
  const timer = setInterval(() => void look().catch(() => {}), LOOK_MS).unref()
  return () => clearInterval(timer)
}
