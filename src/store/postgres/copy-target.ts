import {
  COPIED_TABLES,
  type CopiedRow,
  type CopiedTable,
  CopyRefused,
  type CopySource,
  KEYS,
  openCopySource,
  type RowCounts,
} from '../sqlite/copy-source.ts'
import { type ColumnType, sendingRows } from './arrays.ts'
import { addToCounters } from './counters.ts'
import { mendNumbering } from './migrate.ts'
import { createDatabaseOpening } from './open-database.ts'
import {
  createTransactions,
  type Query,
  RolledBack,
  type TransactionPlan,
  type Transactions,
} from './transactions.ts'

/** Held by whoever copies. Any number that nobody else uses in this database. */
const LOCK = 7_264_310_926

/** All in one transaction: what breaks off leaves nothing, and nobody sees half of it. */
const PLAN: TransactionPlan = { sync: 'on', timeoutMs: 86_400_000 }

/** A receiver that was only started has remembered its handlers, and perhaps what it told of alerts. */
const OF_A_START: ReadonlySet<CopiedTable> = new Set(['handlers', 'notes'])
const COMPARED = [KEYS, ...COPIED_TABLES.filter((table) => !OF_A_START.has(table))]

/** What only the target has. */
const ADDED: Readonly<Partial<Record<CopiedTable, readonly [string, number]>>> = {
  event_series: ['is_folded', 1],
}

export interface CopyOptions {
  /** The SQLite file; no receiver may work on it. */
  readonly file: string
  /** The PostgreSQL database; empty. */
  readonly url: string
  /** Called after every chunk with the rows that are copied, of those there are. */
  readonly onProgress: (rows: number, total: number) => void
  readonly onWarning: (text: string) => void
  /** Ends the copy after a chunk, and keeps nothing of it. */
  readonly stopped: AbortSignal
  readonly random: () => number
}

export interface CopyReport {
  readonly outcome: 'copied' | 'stopped'
  /** All that are copied, by table. */
  readonly rows: RowCounts
}

/**
 * Copies everything a SQLite store holds into a PostgreSQL database, numbers and keys included, and
 * changes nothing in the file: all of it, or nothing. Rejects with CopyRefused, or with a
 * ReceiverError like the stores.
 */
export async function copyStore(options: CopyOptions): Promise<CopyReport> {
  const { file, url, onWarning, random } = options
  const source = await openCopySource(file, onWarning)
  try {
    const transactions = createTransactions(() => url, { connections: 1, random })
    try {
      await createDatabaseOpening(transactions, onWarning).open()
      const report = await copyAll(transactions, source, options)
      if (report.outcome === 'copied') await mendNumbering(transactions)
      return report
    } finally {
      await transactions.close()
    }
  } finally {
    source.close()
  }
}

async function copyAll(
  transactions: Transactions,
  source: CopySource,
  { onProgress, stopped }: CopyOptions,
): Promise<CopyReport> {
  const counts: Record<string, number> = {}
  let isSent = false
  try {
    await transactions.run(PLAN, async (query) => {
      await begin(query, source)
      const typesOf = await readTypes(query)
      let done = 0
      for (const table of [KEYS, ...COPIED_TABLES] as const) {
        counts[table] = 0
        for (const rows of source.read(table)) {
          if (stopped.aborted) throw new RolledBack('stopped')
          counts[table] += await insertRows(query, { table, types: typesOf(table) }, rows)
          done += rows.length
          onProgress(done, Math.max(done, source.total))
        }
      }
      // Nobody else writes into a database during a copy.
      if (!(await holds(query, counts))) throw new CopyRefused('target_changed')
      await addToCounters(query, source.counters)
      isSent = true
    })
    return { outcome: 'copied', rows: counts }
  } catch (error) {
    if (error instanceof RolledBack) return { outcome: 'stopped', rows: counts }
    if (isSent && (await hasArrived(transactions, counts))) {
      return { outcome: 'copied', rows: counts }
    }
    // To be refused is no fault of the database.
    const { cause } = error as Error
    throw cause instanceof CopyRefused ? cause : error
  }
}

async function begin(query: Query, { highest }: CopySource): Promise<void> {
  const [lock] = await query<{ isOurs: boolean }>(
    'SELECT pg_try_advisory_xact_lock($1) AS "isOurs"',
    [LOCK],
  )
  if (!lock?.isOurs) throw new CopyRefused('taken_over')
  const tables = ['counters', ...COMPARED].map((name) => `EXISTS (SELECT 1 FROM ${name})`)
  const [found] = await query<{ isUsed: boolean }>(`SELECT ${tables.join(' OR ')} AS "isUsed"`)
  if (found?.isUsed) throw new CopyRefused('target_used')
  // At once, and for good: nothing new can ever take a number of what is still to come.
  await passNumbers(query, 'batches', 'seq', highest.batches)
  await passNumbers(query, 'quarantine', 'id', highest.quarantine)
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

/** The types of a table's columns. */
async function readTypes(query: Query): Promise<(table: CopiedTable) => Map<string, ColumnType>> {
  const rows = await query<{ table: string; column: string; type: ColumnType }>(
    `SELECT table_name AS table, column_name AS column, data_type AS type
     FROM information_schema.columns WHERE table_schema = current_schema()`,
  )
  return (name) =>
    new Map(rows.flatMap(({ table, column, type }) => (table === name ? [[column, type]] : [])))
}

/** Answers how many of them were not there yet. */
async function insertRows(
  query: Query,
  { table, types }: { table: CopiedTable; types: ReadonlyMap<string, ColumnType> },
  rows: readonly CopiedRow[],
): Promise<number> {
  const [added, value] = ADDED[table] ?? []
  const columns = Object.keys(rows[0] ?? {})
  const { names, select, lists } = sendingRows<CopiedRow>(
    Object.fromEntries(
      columns.map((name) => [name, [types.get(name) as ColumnType, (row) => row[name]]]),
    ),
  )
  const [inserted] = await query<{ n: number }>(
    `WITH inserted AS (
       INSERT INTO ${table} (${added ? `${added}, ` : ''}${names})
       SELECT ${added ? `${value}, ` : ''}r.* FROM (${select}) AS r
       ${table === KEYS || OF_A_START.has(table) ? 'ON CONFLICT DO NOTHING' : ''} RETURNING 1)
     SELECT count(*) AS n FROM inserted`,
    lists(rows),
  )
  return inserted?.n ?? 0
}

/** The answer to the commit was lost: only the database knows whether it was made. */
async function hasArrived(transactions: Transactions, counts: RowCounts): Promise<boolean> {
  try {
    return await transactions.run(PLAN, (query) => holds(query, counts))
  } catch (cause) {
    throw new CopyRefused('end_unknown', { cause })
  }
}

/** Whether there are as many rows as were put. */
async function holds(query: Query, expected: RowCounts): Promise<boolean> {
  const counts = COMPARED.map((name) => `(SELECT count(*) FROM ${name}) AS ${name}`)
  const [found] = await query<RowCounts>(`SELECT ${counts.join(', ')}`)
  return COMPARED.every((name) => found?.[name] === (expected[name] ?? 0))
}
