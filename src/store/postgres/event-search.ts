import { type EventSqlRow, readEventRow } from '../rows.ts'
import type { EventQuery, EventRow, Page } from '../store.ts'
import type { Query } from './transactions.ts'

/** The state of a dispatched event follows from its jobs. */
const STATE = `CASE
  WHEN e.verdict <> 'dispatched' THEN e.verdict
  WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.event_id = e.id AND j.state = 'pending') THEN 'pending'
  WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.event_id = e.id AND j.state = 'dead') THEN 'dead'
  ELSE 'done' END`

export const EVENT_COLUMNS = `e.id, b.id AS batch, e.position, e.source, e.provider, e.type, e.name,
  ${STATE} AS state, e.event_id, e.recipient, e.message_id, e.occurred_at, e.received_at`

/** The look-ups by long texts have an index of their beginnings. */
const CONDITIONS: Readonly<Record<string, string>> = {
  source: 'e.source = ?',
  type: 'e.type = ?',
  recipient: 'left(e.recipient, 200) = left(?, 200) AND e.recipient = ?',
  messageId: 'left(e.message_id, 200) = left(?, 200) AND e.message_id = ?',
  eventId: 'left(e.event_id, 200) = left(?, 200) AND e.event_id = ?',
  from: 'e.received_at >= ?::bigint',
  to: 'e.received_at < ?::bigint',
}

interface Condition {
  /** A `?` stands for the value. */
  readonly sql: string
  readonly value: string | number
}

/** The query's conditions, without paging. */
function readConditions(query: EventQuery): Condition[] {
  const conditions: Condition[] = []
  for (const [field, sql] of Object.entries(CONDITIONS)) {
    const value = query[field as keyof EventQuery]
    if (value !== undefined) conditions.push({ sql, value })
  }
  if (query.state === undefined) return conditions
  const hasOwnVerdict = ['unhandled', 'conflict', 'stale'].includes(query.state)
  const sql = hasOwnVerdict ? 'e.verdict = ?' : `${STATE} = ?`
  // The dead are few and have an index of their own.
  const dead = ` AND e.id IN (SELECT event_id FROM jobs WHERE state = 'dead')`
  return [...conditions, { sql: query.state === 'dead' ? sql + dead : sql, value: query.state }]
}

/** Finds events, newest first. */
export async function listEvents(
  run: Query,
  { limit = 50, cursor, ...query }: EventQuery,
): Promise<Page<EventRow>> {
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
  const conditions = [{ sql: 'e.id < ?', value: before }, ...readConditions(query)]
  // No column holds a NUL, and the server takes none.
  const isVain = conditions.some(({ value }) => String(value).includes('\0'))
  if (isVain) return { rows: [], cursor: undefined }
  const where = conditions.map(({ sql }, index) => sql.replaceAll('?', `$${index + 1}`))
  const found = await run<EventSqlRow>(
    `SELECT ${EVENT_COLUMNS} FROM events e LEFT JOIN batches b ON b.seq = e.batch_seq
     WHERE ${where.join(' AND ')} ORDER BY e.id DESC LIMIT ${limit}`,
    conditions.map(({ value }) => value),
  )
  const rows = found.map(readEventRow)
  const last = rows.length === limit ? rows.at(-1) : undefined
  return { rows, cursor: last?.id }
}
