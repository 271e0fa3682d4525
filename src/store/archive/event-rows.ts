import type { EventState } from '../../model.ts'
import { batchOf, positionOf } from '../event-id.ts'
import { allOf, query, raw, type Sql, type Steps, sql, sqlBatchOf } from '../steps.ts'
import type { EventDetail, EventRow, Verdict } from '../store.ts'
import type { Reading } from './port.ts'
import { readJobs, readStates } from './read-jobs.ts'

export interface EventSqlRow {
  readonly id: number
  readonly start: number
  readonly bytes: number
  readonly key: Uint8Array
  readonly type: string
  readonly name: EventRow['name'] | null
  readonly event_id: string | null
  readonly verdict: Verdict
  readonly occurred_at: number | null
  readonly recipient: string | null
  readonly message_id: string | null
  readonly batch: string
  readonly source: string
  readonly provider: EventRow['provider']
  readonly received_at: number
}

/** Batches outlive their events. The order of the tables is that in which SQLite goes through them. */
const SELECT_EVENTS = raw(`
  SELECT e.id, e.start, e.bytes, e.key, e.type, e.name, e.event_id, e.verdict, e.occurred_at,
    e.recipient, e.message_id, b.id AS batch, b.source, b.provider, b.received_at
  FROM events e CROSS JOIN batches b WHERE b.seq = ${sqlBatchOf('e.id')}`)

/** Rows of events that meet all conditions (on `e` and its batch `b`), newest first. */
export function* selectEvents(
  conditions: readonly (Sql | undefined)[],
  limit: number,
): Steps<readonly EventSqlRow[]> {
  return yield* query(
    sql`${SELECT_EVENTS} AND ${allOf(conditions)} ORDER BY e.id DESC LIMIT ${limit}`,
  )
}

/** What people get of the rows; where a state is wanted, of those that have it. */
export function* addStates(
  reading: Reading,
  rows: readonly EventSqlRow[],
  wanted?: EventState,
): Steps<EventRow[]> {
  const states = yield* readStates(reading, rows)
  return rows.flatMap((row) => {
    const state = states.get(row.id)
    return state === undefined || (wanted && state !== wanted) ? [] : [readEventRow(row, state)]
  })
}

function readEventRow(row: EventSqlRow, state: EventState): EventRow {
  return {
    id: String(row.id),
    batch: row.batch,
    position: positionOf(row.id),
    source: row.source,
    provider: row.provider,
    type: row.type,
    name: row.name ?? undefined,
    state,
    eventId: spellEventId(row.event_id, row.key),
    recipient: row.recipient ?? undefined,
    messageId: row.message_id ?? undefined,
    occurredAt: row.occurred_at ?? undefined,
    receivedAt: row.received_at,
  }
}

/** One event with its bytes, as its body has them or else a job that failed. */
export function* getEvent(reading: Reading, id: string): Steps<EventDetail | undefined> {
  if (!Number.isSafeInteger(Number(id))) return undefined
  const [row] = yield* selectEvents([sql`e.id = ${Number(id)}`], 1)
  if (!row || String(row.id) !== id) return undefined
  const [event] = yield* addStates(reading, [row])
  const jobs = (yield* readJobs(reading, [row.id])).get(row.id) ?? []
  return event && { ...event, payload: yield* readPayload(row), jobs }
}

function* readPayload({ id, start, bytes }: EventSqlRow): Steps<string> {
  const [stored] = yield* query<{ bytes: Uint8Array | null }>(
    sql`SELECT substr(body, CAST(${start + 1} AS INTEGER), CAST(${bytes} AS INTEGER)) AS bytes FROM bodies
     WHERE batch = ${batchOf(id)}`,
  )
  const [carried] = stored
    ? [stored]
    : yield* query<{ bytes: Uint8Array }>(
        sql`SELECT payload AS bytes FROM jobs WHERE event = ${id} LIMIT 1`,
      )
  return Buffer.from(carried?.bytes ?? []).toString()
}

/** The id of an event: empty in its column when the key, a UUID, spells it. */
function spellEventId(column: string | null, key: Uint8Array): string | undefined {
  if (column !== '') return column ?? undefined
  const hex = Buffer.from(key).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
