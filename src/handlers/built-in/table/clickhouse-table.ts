import type { TableOptions } from '../built-in-options.ts'
import {
  COLUMN_NAMES,
  COLUMNS,
  describeViews,
  type EventTable,
  type TableRow,
} from './event-table.ts'

const TYPES = {
  text: 'Nullable(String)',
  time: 'Nullable(DateTime)',
  integer: 'Nullable(Int32)',
} as const
/** What a DateTime can hold, in seconds since 1970. */
const LAST_SECOND = 2 ** 32 - 1
/** Codes of errors whose text quotes nothing of the events. */
const PLAIN_CODES = [16, 47, 60, 81, 164, 192, 193, 194, 241, 252, 291, 497, 516]
const UNKNOWN_TABLE = 60
const MAX_ANSWER_CHARS = 10_000

/**
 * A table in ClickHouse, asked over HTTP. It keeps the newest of rows with the same id when it merges,
 * and its views count each id once (`FINAL`).
 */
export function createClickHouseTable({ url, name }: TableOptions): EventTable {
  const ask = createAsking(new URL(url))
  const table = name.split('.').map(quote).join('.')
  const insert = `INSERT INTO ${table} (${COLUMN_NAMES.join(', ')}) FORMAT JSONEachRow`
  let isMade = false

  async function store(rows: readonly TableRow[], signal: AbortSignal): Promise<void> {
    if (!isMade) await makeTable({ table, name }, (query) => ask(query, '', signal))
    isMade = true
    try {
      await ask(insert, rows.map(toLine).join('\n'), signal)
    } catch (error) {
      if (error instanceof ClickHouseError && error.code === UNKNOWN_TABLE) isMade = false
      throw error
    }
  }
  return { store }
}

class ClickHouseError extends Error {
  readonly code: number

  constructor(code: number, text: string) {
    super(`ClickHouse could not store the events: ${text}`)
    this.code = code
  }
}

type Ask = (query: string, body: string, signal: AbortSignal) => Promise<string>

/** User and password of the URL go into headers; its query holds settings of ClickHouse. */
function createAsking(url: URL): Ask {
  const headers: Record<string, string> = {}
  if (url.username) headers['X-ClickHouse-User'] = decodeURIComponent(url.username)
  if (url.password) headers['X-ClickHouse-Key'] = decodeURIComponent(url.password)
  const target = new URL(url)
  target.username = ''
  target.password = ''
  return async (query, body, signal) => {
    const address = new URL(target)
    address.searchParams.set('query', query)
    const answer = await fetch(address, {
      method: 'POST',
      headers,
      body,
      signal,
      redirect: 'manual',
    })
    const text = (await answer.text()).slice(0, MAX_ANSWER_CHARS)
    if (answer.ok) return text
    const code = Number(/Code: (\d+)/.exec(text)?.[1] ?? 0)
    const told = PLAIN_CODES.includes(code) ? text.split('\n')[0] : `code ${code}`
    throw new ClickHouseError(code, `${told} (HTTP ${answer.status})`)
  }
}

/** What is missing is made: the table, its columns, its views. What is there is not changed. */
async function makeTable(
  { table, name }: { readonly table: string; readonly name: string },
  ask: (query: string) => Promise<string>,
): Promise<void> {
  const columns = COLUMN_NAMES.map((column) => `${column} ${typeOf(column)}`)
  await ask(
    `CREATE TABLE IF NOT EXISTS ${table} (${columns.join(', ')}) ENGINE = ReplacingMergeTree ORDER BY id`,
  )
  const described = await ask(`DESCRIBE TABLE ${table} FORMAT TabSeparated`)
  const known = described.split('\n').map((line) => line.split('\t')[0])
  for (const column of COLUMN_NAMES) {
    if (known.includes(column)) continue
    await ask(`ALTER TABLE ${table} ADD COLUMN ${column} ${typeOf(column)}`)
  }
  const views = describeViews({ table: `${table} FINAL`, day: (time) => `toDate(${time}, 'UTC')` })
  for (const [suffix, query] of Object.entries(views)) {
    const view = `${name}_${suffix}`.split('.').map(quote).join('.')
    await ask(`CREATE VIEW IF NOT EXISTS ${view} AS ${query}`)
  }
}

const typeOf = (column: (typeof COLUMN_NAMES)[number]) =>
  column === 'id' ? 'String' : TYPES[COLUMNS[column]]

const quote = (identifier: string) => `\`${identifier.replaceAll('`', '\\`')}\``

function toLine(row: TableRow): string {
  const values = COLUMN_NAMES.map((column) => {
    const value = row[column]
    return [column, value instanceof Date ? toSeconds(value) : (value ?? null)]
  })
  return JSON.stringify(Object.fromEntries(values))
}

function toSeconds(time: Date): number | null {
  const seconds = Math.floor(time.getTime() / 1_000)
  return seconds >= 0 && seconds <= LAST_SECOND ? seconds : null
}
