import type { DatabaseHealth } from '../store.ts'
import type { Query } from './transactions.ts'

/** Tables in which rows change all the time; their dead rows slow every claim and every look-up. */
export const HOT_TABLES = [
  'batches',
  'counters',
  'event_amounts',
  'events',
  'jobs',
  'keys',
] as const

const COUNT_DEAD = `
  SELECT relname AS name, n_dead_tup AS n FROM pg_stat_user_tables
  WHERE relname = ANY($1::text[]) AND relid = to_regclass(relname)`

/** A transaction keeps vacuum from all that it might still see; one that was prepared, for ever. */
const OLDEST_TRANSACTION = `
  SELECT coalesce(max((extract(epoch FROM clock_timestamp() - since) * 1000)::bigint), 0) AS ms
  FROM (
    SELECT xact_start AS since FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    UNION ALL SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()
  ) AS transactions`

/** Its reset value: within a transaction of ours, synchronous_commit is what we set. */
const READ_SETTINGS = `
  SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
    (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') AS synchronous_commit`

const DURABILITY = ['fsync', 'full_page_writes', 'synchronous_commit'] as const
export type DurabilitySetting = (typeof DURABILITY)[number]

/** Settings that are off, each of which makes a 200 worth less than we promise. */
export async function findTurnedOff(query: Query): Promise<readonly DurabilitySetting[]> {
  const [found] = await query<Record<DurabilitySetting, string>>(READ_SETTINGS)
  return DURABILITY.filter((name) => found?.[name] === 'off')
}

/** What an operator should keep an eye on. Of sessions, those that our user may see. */
export async function readHealth(query: Query): Promise<DatabaseHealth> {
  const dead = await query<{ name: string; n: number }>(COUNT_DEAD, [[...HOT_TABLES]])
  const [oldest] = await query<{ ms: number }>(OLDEST_TRANSACTION)
  return {
    deadRows: Object.fromEntries(dead.map(({ name, n }) => [name, n])),
    oldestTransactionMs: Math.max(0, oldest?.ms ?? 0),
    turnedOff: await findTurnedOff(query),
  }
}
