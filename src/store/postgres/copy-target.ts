import {
  COPIED_TABLES,
  type CopiedRow,
  type CopiedTable,
  type CopyProgress,
  CopyRefused,
  type RowCounts,
  type SourceFacts,
} from '../store-copy.ts'
import { addToCounters } from './counters.ts'
import { NOW_MS } from './database-time.ts'
import { createPool } from './driver.ts'
import { createDatabaseOpening } from './open-database.ts'
import {
  createTransactions,
  type Query,
  type TransactionPlan,
  type Transactions,
} from './transactions.ts'

/** Held while a copy begins. Any number that nobody else uses in this database. */
const LOCK = 7_264_310_926

const FIRM: TransactionPlan = { sync: 'on', timeoutMs: 60_000 }
/** A crash of the server takes rows and progress back together. */
const CHUNK: TransactionPlan = { sync: 'off', timeoutMs: 60_000 }
const COUNT: TransactionPlan = { sync: 'off', timeoutMs: 600_000, isRead: true }

/** Made by the first copy only; a database has one row in it at the most. */
const CREATE_COPIES = `
  CREATE TABLE IF NOT EXISTS store_copies (
    source     TEXT   PRIMARY KEY,
    version    TEXT   NOT NULL,
    progress   TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT
  )`

const ADVANCE = `
  UPDATE store_copies SET progress = $2 WHERE progress = $1 AND ended_at IS NULL RETURNING source`

interface CopyRow {
  source: string
  version: string
  progress: string
  ended_at: number | null
}

export interface CopyTarget {
  /**
   * Prepares an empty database, or finds how far the copy of this source has come. Rejects with
   * CopyRefused when the database holds anything else.
   */
  begin(
    facts: SourceFacts,
  ): Promise<{ readonly progress: CopyProgress; readonly hasEnded: boolean }>
  /** Inserts rows, and says in the same transaction how far the copy has come. */
  put(table: CopiedTable, rows: readonly CopiedRow[], progress: CopyProgress): Promise<void>
  /** Compares what is here with what should be, and takes over the totals. */
  finish(facts: SourceFacts): Promise<void>
  close(): Promise<void>
}

/** Opens the database to copy into; its tables are brought up to date. */
export async function openCopyTarget(
  url: string,
  { random, onWarning }: { random: () => number; onWarning: (text: string) => void },
): Promise<CopyTarget> {
  const transactions = createTransactions(
    createPool(() => url, 1),
    { random },
  )
  try {
    await createDatabaseOpening(transactions, onWarning)()
  } catch (error) {
    await transactions.close()
    throw error
  }
  return serveTarget(transactions)
}

function serveTarget(transactions: Transactions): CopyTarget {
  let stored = '{}'

  return {
    async begin(facts) {
      const found = await transactions.run(FIRM, (query) => findOrStart(query, facts))
      if (found === 'used') throw new CopyRefused('target_used')
      if (found.version !== facts.version) throw new CopyRefused('source_changed')
      stored = found.progress
      const progress = JSON.parse(stored) as CopyProgress
      const hasEnded = found.ended_at !== null
      if (!hasEnded) await refuseOthers(transactions, countCopied(progress))
      return { progress, hasEnded }
    },
    async put(table, rows, progress) {
      const next = JSON.stringify(progress)
      const isOurs = await transactions.run(CHUNK, async (query) => {
        const [copy] = await query(ADVANCE, [stored, next])
        if (copy) await insertRows(query, table, rows)
        return copy !== undefined
      })
      if (!isOurs) throw new CopyRefused('taken_over')
      stored = next
    },
    async finish({ rows, counters }) {
      await refuseOthers(transactions, rows)
      await transactions.run(FIRM, async (query) => {
        const sql = `UPDATE store_copies SET ended_at = ${NOW_MS} WHERE ended_at IS NULL RETURNING source`
        const [ended] = await query(sql)
        if (ended) await addToCounters(query, counters)
      })
    },
    close: () => transactions.close(),
  }
}

async function findOrStart(query: Query, facts: SourceFacts): Promise<CopyRow | 'used'> {
  await query('SELECT pg_advisory_xact_lock($1)', [LOCK])
  const [found] = await selectCopies(query)
  if (found) return found.source === facts.identity ? found : 'used'
  if (await isUsed(query)) return 'used'
  const { identity, version, highest, handlers } = facts
  await query(CREATE_COPIES)
  await query(`INSERT INTO store_copies VALUES ($1, $2, '{}', ${NOW_MS}, NULL)`, [
    identity,
    version,
  ])
  await insertHandlers(query, handlers)
  // At once, so that nothing new can ever take a number of what is still to come.
  await passNumbers(query, 'batches', 'seq', highest.batches)
  await passNumbers(query, 'events', 'id', highest.events)
  await passNumbers(query, 'quarantine', 'id', highest.quarantine)
  await passNumbers(query, 'audit', 'id', highest.audit)
  return { source: identity, version, progress: '{}', ended_at: null }
}

async function selectCopies(query: Query): Promise<CopyRow[]> {
  const [table] = await query<{ has: boolean }>(
    `SELECT to_regclass('store_copies') IS NOT NULL AS has`,
  )
  return table?.has ? await query<CopyRow>('SELECT * FROM store_copies') : []
}

/** Handlers do not count: a receiver that was only started has remembered its own. */
async function isUsed(query: Query): Promise<boolean> {
  const tables = [...COPIED_TABLES.map(({ name }) => name), 'counters']
  const exists = tables.map((name) => `EXISTS (SELECT 1 FROM ${name})`)
  const [found] = await query<{ used: boolean }>(`SELECT ${exists.join(' OR ')} AS used`)
  return found?.used === true
}

async function insertHandlers(query: Query, handlers: readonly CopiedRow[]): Promise<void> {
  await query(
    `INSERT INTO handlers (name, module, keys, takes_batches, paused_at)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::bigint[])
     ON CONFLICT (name) DO NOTHING`,
    [
      handlers.map(({ name }) => name),
      handlers.map(({ module }) => module),
      handlers.map(({ keys }) => keys),
      handlers.map((row) => row['takes_batches'] === 1),
      handlers.map((row) => row['paused_at']),
    ],
  )
}

async function passNumbers(
  query: Query,
  table: string,
  column: string,
  highest: number,
): Promise<void> {
  if (highest === 0) return
  const sequence = `pg_get_serial_sequence('${table}', '${column}')`
  await query(`SELECT setval(${sequence}, greatest($1, nextval(${sequence})))`, [highest])
}

async function insertRows(
  query: Query,
  { name, columns }: CopiedTable,
  rows: readonly CopiedRow[],
): Promise<void> {
  const names = Object.keys(columns)
  const lists = Object.values(columns).map((type, index) => `$${index + 1}::${type}[]`)
  await query(
    `INSERT INTO ${name} (${names.join(', ')}) SELECT * FROM unnest(${lists.join(', ')})`,
    names.map((column) => rows.map((row) => toParameter(row[column]))),
  )
}

/** The driver takes bytes for such within a list only when they are a buffer. */
function toParameter(value: CopiedRow[string] | undefined): unknown {
  if (!(value instanceof Uint8Array)) return value
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

/** Nobody else writes into a database during a copy; if he did, the copy cannot be told apart. */
async function refuseOthers(transactions: Transactions, expected: RowCounts): Promise<void> {
  const counts = COPIED_TABLES.map(({ name }) => `(SELECT count(*) FROM ${name}) AS ${name}`)
  const [found] = await transactions.runOne<RowCounts>(COUNT, `SELECT ${counts.join(', ')}`)
  const isSame = COPIED_TABLES.every(({ name }) => found?.[name] === (expected[name] ?? 0))
  if (!isSame) throw new CopyRefused('target_changed')
}

function countCopied(progress: CopyProgress): RowCounts {
  return Object.fromEntries(Object.entries(progress).map(([name, { rows }]) => [name, rows]))
}
