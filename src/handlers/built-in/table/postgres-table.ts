import pg from 'pg'
import type { TableOptions } from '../built-in-options.ts'
import {
  COLUMN_NAMES,
  COLUMNS,
  describeViews,
  type EventTable,
  type TableRow,
} from './event-table.ts'

const TYPES = { text: 'text', time: 'timestamptz', integer: 'integer' } as const
/** Any number that nobody else uses: makers of the table wait for each other. */
const LOCK = 6_220_145_518
/** The table or one of its columns is gone: it is made again. */
const MISSING = ['42P01', '42703', '3F000']
const CONNECTIONS = 4
const CONNECT_MS = 10_000

/** A table in PostgreSQL. One statement stores up to 500 events; those that are there already stay. */
export function createPostgresTable({ url, name }: TableOptions): EventTable {
  const table = name.split('.').map(quote).join('.')
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'mailtrap-receiver table',
  })
  // A connection that breaks while nobody uses it: the next statement gets another.
  pool.on('error', () => {})
  let isMade = false
  const insert = describeInsert(table)

  async function store(rows: readonly TableRow[], signal: AbortSignal): Promise<void> {
    await withConnection(pool, signal, async (client) => {
      if (!isMade) await makeTable(client, { table, name })
      isMade = true
      try {
        await client.query(insert, toArrays(rows))
      } catch (error) {
        if (MISSING.includes(codeOf(error))) isMade = false
        throw error
      }
    })
  }
  return { store }
}

/** Aborted, the connection is closed, which ends its statement. */
async function withConnection(
  pool: pg.Pool,
  signal: AbortSignal,
  use: (client: pg.PoolClient) => Promise<void>,
): Promise<void> {
  const client = await pool.connect()
  let isReleased = false
  const release = (isBroken: boolean) => {
    if (!isReleased) client.release(isBroken)
    isReleased = true
  }
  const abort = () => release(true)
  signal.addEventListener('abort', abort, { once: true })
  try {
    signal.throwIfAborted()
    await use(client)
    release(false)
  } catch (error) {
    release(true)
    throw tellPlainly(error)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** What is missing is made: the table, its columns, its views. What is there is not changed. */
async function makeTable(
  client: pg.PoolClient,
  { table, name }: { readonly table: string; readonly name: string },
): Promise<void> {
  const columns = COLUMN_NAMES.map((column) => `${column} ${TYPES[COLUMNS[column]]}`)
  await client.query('BEGIN')
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK])
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${table} (${columns.join(', ').replace('id text', 'id text PRIMARY KEY')})`,
    )
    const missing = await findMissing(client, table)
    if (missing.length > 0) {
      const added = missing.map((column) => `ADD COLUMN ${column} ${TYPES[COLUMNS[column]]}`)
      await client.query(`ALTER TABLE ${table} ${added.join(', ')}`)
    }
    const views = describeViews({ table, day: (time) => `(${time} AT TIME ZONE 'UTC')::date` })
    for (const [suffix, query] of Object.entries(views)) {
      const view = `${name}_${suffix}`.split('.').map(quote).join('.')
      const { rows } = await client.query('SELECT to_regclass($1) AS known', [view])
      if (rows[0]?.known === null) await client.query(`CREATE VIEW ${view} AS ${query}`)
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

/** @throws Error when the table is there and is another. */
async function findMissing(client: pg.PoolClient, table: string) {
  const { rows } = await client.query<{ column: string; type: string }>(
    `SELECT attname AS column, format_type(atttypid, NULL) AS type FROM pg_attribute
      WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
    [table],
  )
  const types = new Map(rows.map(({ column, type }) => [column, type]))
  const { rowCount } = await client.query(
    `SELECT FROM pg_index WHERE indrelid = to_regclass($1) AND indisunique AND indpred IS NULL
       AND indkey::text = (SELECT attnum::text FROM pg_attribute
         WHERE attrelid = to_regclass($1) AND attname = 'id')`,
    [table],
  )
  if (!rowCount) {
    throw new Error(
      `The table ${table} is there, and its column id is not unique: it is not one of ours. Give \`table\` another name, or make id its primary key.`,
    )
  }
  return COLUMN_NAMES.filter((column) => !types.has(column))
}

function describeInsert(table: string): string {
  const arrays = COLUMN_NAMES.map((column, n) => `$${n + 1}::${TYPES[COLUMNS[column]]}[]`)
  return `INSERT INTO ${table} (${COLUMN_NAMES.join(', ')}) SELECT * FROM unnest(${arrays.join(', ')}) ON CONFLICT (id) DO NOTHING`
}

/** In the order of ids: two that store the same events wait for each other in the same order. */
function toArrays(rows: readonly TableRow[]): unknown[][] {
  const sorted = [...rows].sort((one, other) => (String(one.id) < String(other.id) ? -1 : 1))
  return COLUMN_NAMES.map((column) => sorted.map((row) => row[column] ?? null))
}

const quote = (identifier: string) => `"${identifier.replaceAll('"', '""')}"`

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** The text alone: `detail` and `where` of PostgreSQL's errors quote what was to be stored. */
function tellPlainly(error: unknown): Error {
  const code = codeOf(error)
  const text = error instanceof Error ? error.message : String(error)
  return new Error(`PostgreSQL could not store the events: ${text}${code && ` (${code})`}`)
}
