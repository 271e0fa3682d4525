import { type EventSqlRow, readEventRow } from '../rows.ts'
import type { EventQuery, EventRow, Page } from '../store.ts'
import type { Database } from './driver.ts'

/** Must be the shift in the look-up indexes' expressions. */
const BUCKET_BITS = 12

/** The state of a dispatched event follows from its jobs. */
export const STATE = `CASE
  WHEN e.verdict <> 'dispatched' THEN e.verdict
  WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.event_id = e.id AND j.state = 'pending') THEN 'pending'
  WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.event_id = e.id AND j.state = 'dead') THEN 'dead'
  ELSE 'done' END`

export const EVENT_COLUMNS = `e.id, b.id AS batch, e.position, e.source, e.provider, e.type, e.name,
  ${STATE} AS state, e.event_id, e.recipient, e.message_id, e.occurred_at, e.received_at`

const CONDITIONS: Readonly<Record<string, string>> = {
  source: 'e.source = ?',
  type: 'e.type = ?',
  recipient: 'e.recipient = ?',
  messageId: 'e.message_id = ?',
  eventId: 'e.event_id = ?',
  from: 'e.received_at >= ?',
  to: 'e.received_at < ?',
}

/** Not by shifting: that would cut ids to 32 bits. */
const bucketOf = (id: number): number => Math.floor(id / 2 ** BUCKET_BITS)

/** The look-ups that have a bucketed index. */
const BUCKETED = ['recipient', 'messageId', 'eventId'] as const

/** The query's conditions, without paging, as SQL and its values. */
function readConditions(query: EventQuery): { conditions: string[]; values: (string | number)[] } {
  const conditions: string[] = []
  const values: (string | number)[] = []
  for (const [field, condition] of Object.entries(CONDITIONS)) {
    const value = query[field as keyof EventQuery]
    if (value === undefined) continue
    conditions.push(condition)
    values.push(value)
  }
  if (query.state === undefined) return { conditions, values }
  const hasOwnVerdict = ['unhandled', 'conflict', 'stale'].includes(query.state)
  conditions.push(hasOwnVerdict ? 'e.verdict = ?' : `${STATE} = ?`)
  values.push(query.state)
  // The dead are few and have an index of their own.
  if (query.state === 'dead')
    conditions.push(`e.id IN (SELECT event_id FROM jobs WHERE state = 'dead')`)
  return { conditions, values }
}

/** Finds events, newest first. */
export function createEventSearch(db: Database) {
  const selectLast = db.prepare('SELECT max(id) AS id, min(id) AS first FROM events')

  function find(
    where: readonly string[],
    values: readonly (string | number)[],
    limit: number,
  ): EventRow[] {
    const sql = `SELECT ${EVENT_COLUMNS} FROM events e LEFT JOIN batches b ON b.seq = e.batch_seq
      WHERE ${where.join(' AND ')} ORDER BY e.id DESC LIMIT ${limit}`
    const rows = db.prepare(sql).all(...values)
    return (rows as unknown as EventSqlRow[]).map(readEventRow)
  }

  function findInBuckets(
    where: string[],
    values: (string | number)[],
    before: number,
    limit: number,
  ): EventRow[] {
    const { id: last, first } = selectLast.get() as { id: number | null; first: number | null }
    const rows: EventRow[] = []
    const oldest = bucketOf(first ?? 0)
    for (let bucket = bucketOf(Math.min(before, last ?? 0)); bucket >= oldest; bucket--) {
      if (rows.length >= limit) break
      const inBucket = [`e.id >> ${BUCKET_BITS} = ?`, ...where]
      rows.push(...find(inBucket, [bucket, ...values], limit - rows.length))
    }
    return rows
  }

  function listEvents(query: EventQuery): Page<EventRow> {
    const limit = query.limit ?? 50
    const before = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(query.cursor)
    const { conditions, values } = readConditions(query)
    const where = ['e.id < ?', ...conditions]
    const bound = [before, ...values]
    const isBucketed = BUCKETED.some((field) => query[field] !== undefined)
    const rows = isBucketed ? findInBuckets(where, bound, before, limit) : find(where, bound, limit)
    const last = rows.length === limit ? rows.at(-1) : undefined
    return { rows, cursor: last?.id }
  }

  return { listEvents }
}
