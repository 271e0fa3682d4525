import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ReceiverError } from '../../errors.ts'
import { ownFile } from '../../own-files.ts'
import { NOW_MS } from './database-time.ts'
import { sqlState } from './driver.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const MIGRATIONS = fileURLToPath(ownFile('store/postgres/migrations/'))
const FIRST = '0001_first.sql'

/** Held while the tables change. Any number that nobody else uses in this database. */
const LOCK = 7_264_310_925

/** Another replica may be at it, and an index over many rows takes its time. */
const PLAN: TransactionPlan = { sync: 'on', timeoutMs: 600_000 }
const LOOK: TransactionPlan = { sync: 'off', timeoutMs: 5_000, isRead: true }

/** What was found where our tables should be. */
interface Found {
  readonly hasSchema: boolean
  /** Of everything in the schema that is no part of an extension. */
  readonly names: readonly string[]
  /** Names of the migrations that were run; undefined when that table is not ours, or missing. */
  readonly applied?: readonly string[] | undefined
}

/**
 * Runs the numbered files that this database has not seen, all in one transaction, one replica at a
 * time. Answers the names of migrations that only a newer version knows. Rejects, and changes
 * nothing, where the schema is somebody else's.
 */
export async function migrate(transactions: Transactions): Promise<readonly string[]> {
  const { schema } = transactions
  const known = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  const { applied = [] } = await findTables(transactions)
  if (known.some((name) => !applied.includes(name))) {
    await transactions.run(PLAN, (query) => runMissing(query, known, schema))
  }
  const strange = applied.filter((name) => !known.includes(name))
  const hostile = strange.filter((name) => name.endsWith('.contract.sql'))
  if (hostile.length > 0) throw new ReceiverError('store_too_new', { detail: hostile.join(', ') })
  return strange
}

/** Looks only. Rejects where the schema is somebody else's. */
export async function findTables(transactions: Transactions): Promise<Found> {
  const { schema } = transactions
  const found = await transactions.run(LOOK, (query) => look(query, schema))
  refuseStranger(found, schema)
  return found
}

/** Without the lock, so that a start needs none when there is nothing to do. */
async function look(query: Query, schema: string): Promise<Found> {
  const [space] = await query<{ has: boolean }>(
    'SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1) AS has',
    [schema],
  )
  const rows = await query<{ name: string; columns: string[] }>(
    `SELECT relname AS name, ARRAY(
       SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0) AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE nspname = $1 AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS (
       SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
     ORDER BY relname`,
    [schema],
  )
  const { columns = [] } = rows.find(({ name }) => name === 'migrations') ?? {}
  const isOurs = ['name', 'applied_at'].every((column) => columns.includes(column))
  return {
    hasSchema: space?.has === true,
    names: rows.map(({ name }) => name),
    applied: isOurs ? await selectNames(query, schema) : undefined,
  }
}

function refuseStranger({ names, applied }: Found, schema: string): void {
  if (applied?.includes(FIRST) || names.length === 0) return
  if (applied?.includes('0001-tables.sql')) {
    throw refusal(
      `The schema ${schema} holds the store of version 0.1.0, which this version does not read. Let that version finish its work, then give this one a schema of its own with ?schema=<name>.`,
    )
  }
  // A roll-out may have made the table, and its first row a moment later: only in one transaction.
  const some = names.slice(0, 5).join(', ')
  throw refusal(
    `The schema ${schema} holds tables that are not the receiver's (${some}${names.length > 5 ? ', …' : ''}). Nothing was changed. Give a schema of its own with ?schema=<name>; it is made when it is missing.`,
  )
}

async function runMissing(query: Query, known: readonly string[], schema: string): Promise<void> {
  await query('SELECT pg_advisory_xact_lock($1)', [LOCK])
  const found = await look(query, schema)
  refuseStranger(found, schema)
  if (!found.hasSchema) await createSchema(query, schema)
  await query(`CREATE TABLE IF NOT EXISTS migrations (
    name TEXT COLLATE "C" PRIMARY KEY, applied_at BIGINT NOT NULL)`)
  const applied = await selectNames(query, schema)
  for (const name of known.filter((file) => !applied.includes(file))) {
    await query(`INSERT INTO migrations VALUES ($1, ${NOW_MS})`, [name])
    await query(readFileSync(`${MIGRATIONS}${name}`, 'utf8'))
  }
}

async function createSchema(query: Query, schema: string): Promise<void> {
  try {
    await query(`CREATE SCHEMA "${schema}"`)
  } catch (error) {
    if (sqlState(error) !== '42501') throw error
    throw refusal(
      `There is no schema ${schema}, and this user may not make one. Let an administrator run: CREATE SCHEMA ${schema} AUTHORIZATION <user>; or name a schema that this user owns with ?schema=<name>.`,
    )
  }
}

async function selectNames(query: Query, schema: string): Promise<string[]> {
  const rows = await query<{ name: string }>(
    `SELECT name FROM "${schema}".migrations ORDER BY name`,
  )
  return rows.map(({ name }) => name)
}

function refusal(detail: string): ReceiverError {
  return new ReceiverError('invalid_settings', { detail: `STORE_URL: ${detail}` })
}

const COUNT: TransactionPlan = { sync: 'off', timeoutMs: 10_000 }
const MEND: TransactionPlan = { sync: 'on', timeoutMs: 20_000 }

/** Of events, whose number is made of that of their batch. */
const BATCH = (highest: string) => `${highest} / 1048576`

/** Highest number in use, by table that numbers its rows itself. Each is the end of an index. */
const HIGHEST: Readonly<Record<string, { column: string; sql: string }>> = {
  batches: {
    column: 'seq',
    sql: `greatest((SELECT max(seq) FROM batches), (SELECT max(batch) FROM bodies),
      ${BATCH('(SELECT max(id) FROM events)')}, ${BATCH('(SELECT max(event) FROM jobs)')},
      ${BATCH('(SELECT max(last_event) FROM key_marks)')}, 0)`,
  },
  ...Object.fromEntries(
    ['runs', 'jobs', 'quarantine', 'counters', 'event_series', 'audit'].map((table) => [
      table,
      { column: 'id', sql: `coalesce((SELECT max(id) FROM ${table}), 0)` },
    ]),
  ),
}

const sequenceOf = (table: string, schema: string) =>
  `pg_get_serial_sequence('"${schema}".${table}', '${HIGHEST[table]?.column}')`

/**
 * Sees to it that no table hands out a number that is taken, as happens when a database is moved by
 * logical replication, which copies rows but not sequences. Answers the tables that were mended.
 */
export async function mendNumbering(transactions: Transactions): Promise<readonly string[]> {
  const { schema } = transactions
  const behind = await transactions.run(COUNT, (query) => findBehind(query, schema))
  for (const table of behind) {
    await transactions.run(MEND, (query) => mend(query, table, schema))
  }
  return behind
}

async function findBehind(query: Query, schema: string): Promise<string[]> {
  const looks = Object.entries(HIGHEST).map(
    ([table, { sql }]) =>
      `SELECT '${table}' AS name, ${sql} AS highest,
         (SELECT coalesce(last_value, 0) FROM pg_sequences
          WHERE format('%I.%I', schemaname, sequencename)::regclass =
            ${sequenceOf(table, schema)}::regclass) AS last`,
  )
  const rows = await query<{ name: string; highest: number; last: number | null }>(
    looks.join(' UNION ALL '),
  )
  return rows.filter(({ highest, last }) => highest > (last ?? 0)).map(({ name }) => name)
}

/** Nobody inserts meanwhile, so that what others have taken is seen. */
async function mend(query: Query, table: string, schema: string): Promise<void> {
  await query(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`)
  const sequence = sequenceOf(table, schema)
  await query(`SELECT setval(${sequence}, greatest(${HIGHEST[table]?.sql}, nextval(${sequence})))`)
}
