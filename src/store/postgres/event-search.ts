import {
  type Condition,
  EVENT_COLUMNS,
  EVENT_TABLES,
  type EventSelection,
  SELECT_DEAD,
  selectEvents,
  toPage,
} from '../event-query.ts'
import { type EventSqlRow, readEventRow } from '../rows.ts'
import type { EventQuery, EventRow, Page } from '../store.ts'
import type { Query } from './transactions.ts'

/** Long texts have an index of their beginnings. */
const lookUp = (column: string) => `left(${column}, 200) = left(?, 200) AND ${column} = ?`

/** Finds events, newest first. */
export async function listEvents(run: Query, query: EventQuery): Promise<Page<EventRow>> {
  const selection = selectEvents(query, lookUp)
  const { index, before, limit, conditions } = selection
  // No column holds a NUL, and the server takes none.
  const isVain = conditions.some(({ value }) => String(value).includes('\0'))
  if (isVain) return toPage([], limit)
  if (index === 'dead') return toPage(await findDead(run, selection), limit)
  const inPage = { sql: 'e.id < ?', value: before }
  return toPage(await find(run, [inPage, ...conditions], limit), limit)
}

async function findDead(run: Query, selection: EventSelection): Promise<readonly EventRow[]> {
  const { conditions, limit } = selection
  const rows: EventRow[] = []
  let before: number | undefined = selection.before
  while (before !== undefined && rows.length < limit) {
    const dead: { id: number }[] = await run(number(SELECT_DEAD), [before, limit])
    const among = { sql: 'e.id = ANY(?::bigint[])', value: dead.map(({ id }) => id) }
    rows.push(...(await find(run, [among, ...conditions], limit - rows.length)))
    before = dead.length === limit ? dead.at(-1)?.id : undefined
  }
  return rows
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
