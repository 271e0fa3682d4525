import type { EventQuery, EventRow, Page } from './store.ts'

/** The limit keeps PostgreSQL from reading all jobs of this state into memory, for every page. */
const hasJob = (state: 'pending' | 'dead') =>
  `EXISTS (SELECT 1 FROM jobs j WHERE j.event_id = e.id AND j.state = '${state}' LIMIT 1 OFFSET 0)`

/** The state of a dispatched event follows from its jobs. */
const STATE = `CASE
  WHEN e.verdict <> 'dispatched' THEN e.verdict
  WHEN ${hasJob('pending')} THEN 'pending'
  WHEN ${hasJob('dead')} THEN 'dead'
  ELSE 'done' END`

export const EVENT_COLUMNS = `e.id, b.id AS batch, e.position, e.source, e.provider, e.type, e.name,
  ${STATE} AS state, e.event_id, e.recipient, e.message_id, e.occurred_at, e.received_at`

export const EVENT_TABLES = 'events e LEFT JOIN batches b ON b.seq = e.batch_seq'

/** Behind a long stretch without any, a window may hold hundreds of thousands. */
const DEAD_AT_ONCE = 1_000

/**
 * The dead have an index of their own: a part of it at a time tells which events to look at, the
 * newest first. A value each: from which event on, before which.
 */
export const SELECT_DEAD = `
  SELECT DISTINCT event_id AS id FROM jobs WHERE state = 'dead' AND event_id >= ? AND event_id < ?
  ORDER BY event_id DESC LIMIT ${DEAD_AT_ONCE}`

/** Some of the dead, and from where on they are all of them. */
export interface FoundDead {
  readonly ids: readonly number[]
  readonly reached: number
}

export function readDead(rows: readonly { readonly id: number }[], from: number): FoundDead {
  const ids = rows.map(({ id }) => id)
  return { ids, reached: ids[DEAD_AT_ONCE - 1] ?? from }
}

const CONDITIONS = {
  source: 'e.source = ?',
  type: 'e.type = ?',
  from: 'e.received_at >= ?',
  to: 'e.received_at < ?',
} as const

/** Columns with indexes, each engine's of another kind. */
const LOOK_UPS = { recipient: 'e.recipient', messageId: 'e.message_id', eventId: 'e.event_id' }

export interface Condition {
  /** A `?` stands for the value. */
  readonly sql: string
  readonly value: string | number
}

/** What both engines' searches have in common. */
export interface EventSelection {
  readonly conditions: readonly Condition[]
  /** The page holds events before this one, */
  readonly before: number
  /** and so many of them. */
  readonly limit: number
  /** Which index leads to the events: that of their own numbers, of a look-up, of dead jobs. */
  readonly index: 'own' | 'lookUp' | 'dead'
}

/** Reads a query; `lookUp` says how the engine finds a column's value. */
export function selectEvents(
  { cursor, limit = 50, ...query }: EventQuery,
  lookUp: (column: string) => string,
): EventSelection {
  const { recipient } = query
  const lookedUp =
    recipient === undefined ? query : { ...query, recipient: recipient.toLowerCase() }
  const found = readFields(lookedUp, LOOK_UPS).map(({ sql, value }) => ({
    sql: lookUp(sql),
    value,
  }))
  return {
    conditions: [...readFields(query, CONDITIONS), ...found, ...readState(query.state)],
    before: cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor),
    limit,
    index: found.length > 0 ? 'lookUp' : query.state === 'dead' ? 'dead' : 'own',
  }
}

function readFields(
  query: EventQuery,
  fields: Readonly<Partial<Record<keyof EventQuery, string>>>,
): Condition[] {
  return Object.entries(fields).flatMap(([field, sql]) => {
    const value = query[field as keyof EventQuery]
    return value === undefined ? [] : [{ sql, value }]
  })
}

function readState(state: EventQuery['state']): Condition[] {
  if (state === undefined) return []
  const hasOwnVerdict = ['unhandled', 'conflict', 'stale'].includes(state)
  // An index of them is only used when it is plain that none of the others is asked for.
  const sql = hasOwnVerdict ? `e.verdict <> 'dispatched' AND e.verdict = ?` : `${STATE} = ?`
  return [{ sql, value: state }]
}

/** What a search found, and from which number on it has looked; undefined: at everything. */
export interface Found<Row> {
  readonly rows: readonly Row[]
  readonly reached?: number | undefined
}

export function toPage({ rows, reached }: Found<EventRow>, limit: number): Page<EventRow> {
  if (rows.length === limit) return { rows, cursor: rows.at(-1)?.id }
  if (reached === undefined) return { rows, cursor: undefined }
  return { rows, cursor: String(reached), isPartial: true }
}
