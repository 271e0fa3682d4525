import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ReceiverError } from '../../errors.ts'
import { NOW_MS } from './database-time.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const MIGRATIONS = fileURLToPath(new URL('./migrations/', import.meta.url))

/** Held while the tables change. Any number that nobody else uses in this database. */
const LOCK = 7_264_310_925

/** Another replica may be at it, and an index over many rows takes its time. */
const PLAN: TransactionPlan = { sync: 'on', timeoutMs: 600_000 }
const LOOK: TransactionPlan = { sync: 'off', timeoutMs: 5_000 }

/**
 * Runs the numbered files that this database has not seen, all in one transaction, one replica at a
 * time. Answers the names of migrations that only a newer version knows.
 */
export async function migrate(transactions: Transactions): Promise<readonly string[]> {
  const known = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  const applied = await readApplied(transactions)
  if (known.some((name) => !applied.includes(name))) {
    await transactions.run(PLAN, (query) => runMissing(query, known))
  }
  const strange = applied.filter((name) => !known.includes(name))
  const hostile = strange.filter((name) => name.endsWith('.contract.sql'))
  if (hostile.length > 0) throw new ReceiverError('store_too_new', { detail: hostile.join(', ') })
  return strange
}

/** Without the lock, so that a start needs none when there is nothing to do. */
async function readApplied(transactions: Transactions): Promise<string[]> {
  return await transactions.run(LOOK, async (query) => {
    const [found] = await query<{ has: boolean }>(
      `SELECT to_regclass('migrations') IS NOT NULL AS has`,
    )
    return found?.has ? await selectNames(query) : []
  })
}

async function runMissing(query: Query, known: readonly string[]): Promise<void> {
  await query('SELECT pg_advisory_xact_lock($1)', [LOCK])
  await query(`CREATE TABLE IF NOT EXISTS migrations (
    name TEXT COLLATE "C" PRIMARY KEY, applied_at BIGINT NOT NULL)`)
  const applied = await selectNames(query)
  for (const name of known.filter((file) => !applied.includes(file))) {
    await query(`INSERT INTO migrations VALUES ($1, ${NOW_MS})`, [name])
    await query(readFileSync(`${MIGRATIONS}${name}`, 'utf8'))
  }
}

async function selectNames(query: Query): Promise<string[]> {
  const rows = await query<{ name: string }>('SELECT name FROM migrations ORDER BY name')
  return rows.map(({ name }) => name)
}
