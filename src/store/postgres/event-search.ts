import {
  type Condition,
  EVENT_COLUMNS,
  EVENT_TABLES,
  type EventSelection,
  type Found,
  type FoundDead,
  readDead,
  SELECT_DEAD,
  selectEvents,
  toPage,
} from '../event-query.ts'
import { type EventSqlRow, readEventRow } from '../rows.ts'
import { boundSearch, cutWindows, type SearchWindow } from '../search-windows.ts'
import type { EventQuery, EventRow, Page } from '../store.ts'
import type { Query } from './transactions.ts'

/** Texts of any length have an index of their hashes. */
const lookUp = (column: string) => `hashtext(${column}) = hashtext(?) AND ${column} = ?`

/** Finds events, newest first; for a bounded time. */
export async function listEvents(
  run: Query,
  query: EventQuery,
  now: () => number,
): Promise<Page<EventRow>> {
  const selection = selectEvents(query, lookUp)
  const { before, limit, conditions } = selection
  // No column holds a NUL, and the server takes none.
  const isVain = conditions.some(({ value }) => String(value).includes('\0'))
  if (isVain) return toPage({ rows: [] }, limit)
  if (conditions.length > 0) return toPage(await findInWindows(run, selection, now), limit)
  return toPage({ rows: await find(run, [{ sql: 'e.id < ?', value: before }], limit) }, limit)
}

async function findInWindows(
  run: Query,
  { index, before, limit, conditions }: EventSelection,
  now: () => number,
): Promise<Found<EventRow>> {
  const sql = 'SELECT min(id) AS first, max(id) AS last FROM events'
  const [ids] = await run<{ first: number | null; last: number | null }>(sql)
  const all = boundSearch(ids, before)
  const rows: EventRow[] = []
  let reached = all.before
  const windows = cutWindows(all, now)
  for (let next = windows.next(); !next.done; next = windows.next(reached)) {
    const window = next.value
    const dead = index === 'dead' ? await findDead(run, window) : undefined
    const inside = dead ? isAmong(dead) : isWithin(window)
    rows.push(...(await find(run, [...inside, ...conditions], limit - rows.length)))
    reached = dead?.reached ?? window.from
    if (rows.length === limit) break
  }
  return { rows, reached: reached > all.from ? reached : undefined }
}

function isWithin({ from, before }: SearchWindow): ListCondition[] {
  return [
    { sql: 'e.id >= ?', value: from },
    { sql: 'e.id < ?', value: before },
  ]
}

async function findDead(run: Query, { from, before }: SearchWindow): Promise<FoundDead> {
  return readDead(await run<{ id: number }>(number(SELECT_DEAD), [from, before]), from)
}

function isAmong({ ids }: FoundDead): ListCondition[] {
  return [{ sql: 'e.id = ANY(?::bigint[])', value: ids }]
}

type ListCondition = Condition | { readonly sql: string; readonly value: readonly number[] }

async function find(
  run: Query,
  conditions: readonly ListCondition[],
  limit: number,
): Promise<EventRow[]> {
  const where = conditions.map(({ sql }, index) => sql.replaceAll('?', `$${index + 1}`))
  const found = await run<EventSqlRow>(
    `SELECT ${EVENT_COLUMNS} FROM ${EVENT_TABLES}
     WHERE ${where.join(' AND ')} ORDER BY e.id DESC LIMIT ${limit}`,
    conditions.map(({ value }) => value),
  )
  return found.map(readEventRow)
}

/** Each `?` is the next value. */
function number(sql: string): string {
  let place = 0
  return sql.replaceAll('?', () => `$${++place}`)
}
