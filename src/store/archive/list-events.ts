import { batchOf, eventIdOf } from '../event-id.ts'
import type { EventQuery, EventRow, Page } from '../store.ts'
import { createCandidates, type FindCandidates } from './candidates.ts'
import { addStates, selectEvents } from './event-rows.ts'
import { allOf, type Condition, isAmong, type Reading } from './port.ts'
import { type Found, type SearchWindow, searchEvents } from './search-windows.ts'

/** Where not every event has the state that is asked for, so many are looked at together. */
const MOST_AT_ONCE = 500

const OF_BATCHES = { source: 'source = ?', from: 'received_at >= ?', to: 'received_at < ?' }

/** Finds events, newest first; for a bounded time. */
export async function listEvents(reading: Reading, query: EventQuery): Promise<Page<EventRow>> {
  const { cursor, limit = 50, state } = query
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
  const texts = [query.source, query.type, query.recipient, query.messageId]
  // No column holds a NUL, and PostgreSQL takes none.
  if (texts.some((text) => text?.includes('\0'))) return { rows: [], cursor: undefined }
  const ofBatches = readFields(query, OF_BATCHES)
  const findLead = await createLead(reading, query)
  const conditions = [...ofBatches.map(ofTable('b')), ...readConditions(reading, query)]

  const found = await searchEvents(reading, { before, limit }, async (whole, left) => {
    const window = ofBatches.length === 0 ? whole : await narrow(reading, whole, ofBatches)
    const lead = window && (await findLead(window))
    if (!lead?.condition) return { rows: [], reached: lead?.reached }
    const atOnce = state === undefined ? left : Math.max(left, MOST_AT_ONCE)
    const rows = await selectEvents(reading, [lead.condition, ...conditions], atOnce)
    const reached = rows.length === atOnce ? rows.at(-1)?.id : lead.reached
    return { rows: (await addStates(reading, rows, state)).slice(0, left), reached }
  })
  return toPage(found, limit)
}

/** Batches are few beside their events: what none of theirs can match is not looked at. */
async function narrow(
  { query }: Reading,
  { from, before }: SearchWindow,
  ofBatches: readonly Condition[],
): Promise<SearchWindow | undefined> {
  const { sql, values } = allOf([
    { sql: 'seq >= ? AND seq <= ?', values: [from, before - 1].map(batchOf) },
    ...ofBatches,
  ])
  const [found] = await query<{ first: number | null; last: number | null }>(
    `SELECT min(seq) AS first, max(seq) AS last FROM batches WHERE ${sql}`,
    values,
  )
  if (!found || found.first === null || found.last === null) return undefined
  return {
    from: Math.max(from, eventIdOf(found.first, 0)),
    before: Math.min(before, eventIdOf(found.last + 1, 0)),
  }
}

function readConditions(reading: Reading, query: EventQuery): Condition[] {
  const { type, recipient, messageId, state } = query
  const hasVerdict = state === 'unhandled' || state === 'conflict' || state === 'stale'
  return [
    ...readFields({ type }, { type: 'e.type = ?' }),
    ...lookUp(reading, 'e.recipient', recipient?.toLowerCase()),
    ...lookUp(reading, 'e.message_id', messageId),
    // An index of them is only used when it is plain that none of the others is asked for.
    ...(hasVerdict
      ? [{ sql: `e.verdict <> 'dispatched' AND e.verdict = ?`, values: [state] }]
      : []),
    ...(state === 'done' ? [{ sql: `e.verdict = 'dispatched'`, values: [] }] : []),
  ]
}

/** What the indexes hold of a text, which tells most of them apart. */
const INDEXED = {
  sqlite: (text: string) => `substr(${text}, 1, 16)`,
  postgres: (text: string) => `hashtext(CAST(${text} AS text))`,
} as const

function lookUp({ engine }: Reading, column: string, value: string | undefined): Condition[] {
  if (value === undefined) return []
  const indexed = INDEXED[engine]
  const sql = `${indexed(column)} = ${indexed('?')} AND ${column} = ?`
  return [{ sql, values: [value, value] }]
}

function readFields<Fields extends object>(
  query: Fields,
  columns: Readonly<Partial<Record<keyof Fields, string>>>,
): Condition[] {
  return Object.entries<string | undefined>(columns).flatMap(([field, sql]) => {
    const value = query[field as keyof Fields]
    return value === undefined || sql === undefined ? [] : [{ sql, values: [value] }]
  })
}

const ofTable =
  (table: string) =>
  ({ sql, values }: Condition): Condition => ({ sql: `${table}.${sql}`, values })

function toPage({ rows, reached }: Found<EventRow>, limit: number): Page<EventRow> {
  if (rows.length === limit) return { rows, cursor: rows.at(-1)?.id }
  if (reached === undefined) return { rows, cursor: undefined }
  return { rows, cursor: String(reached), isPartial: true }
}

/** What leads to the events of a window, or to those from `reached` on; no condition: there are none. */
interface Lead {
  readonly condition?: Condition
  readonly reached?: number
}

/** Finds what leads to the events of a query. */
async function createLead(
  reading: Reading,
  { state, type, recipient, messageId, eventId }: EventQuery,
): Promise<(window: SearchWindow) => Promise<Lead>> {
  const known = eventId === undefined ? [] : await findByEventId(reading, eventId)
  const byNumber = async ({ from, before }: SearchWindow) => ({
    condition: { sql: 'e.id >= ? AND e.id < ?', values: [from, before] },
  })

  if (known.length > 0) {
    return (window) => {
      const ids = known.filter((id) => id >= window.from && id < window.before)
      return Promise.resolve(ids.length === 0 ? {} : { condition: isAmong(reading, 'e.id', ids) })
    }
  }
  if (eventId !== undefined) {
    const isIt = hasEventId(eventId, reading.keysOf(eventId))
    return async (window) => ({ condition: allOf([(await byNumber(window)).condition, isIt]) })
  }
  if (recipient !== undefined || messageId !== undefined) {
    return async (window) => {
      const condition = await isInBuckets(reading, window)
      return condition ? { condition } : {}
    }
  }
  // Where a type is wanted as well, few of the done have it.
  const isLed = state === 'pending' || state === 'dead' || (state === 'done' && type === undefined)
  if (!isLed) return byNumber
  return byCandidates(reading, await createCandidates(reading, { state }))
}

function byCandidates(reading: Reading, find: FindCandidates) {
  return async (window: SearchWindow): Promise<Lead> => {
    const { ids, reached } = await find(window, MOST_AT_ONCE)
    return ids.length === 0 ? { reached } : { condition: isAmong(reading, 'e.id', ids), reached }
  }
}

/**
 * The look-up indexes are cut into buckets in the order in which events were unpacked. On SQLite that
 * is only nearly the order of their numbers, as a batch may have had to wait; so buckets around are
 * probed as well, some microseconds each. On PostgreSQL a bucket holds whole batches.
 */
const BUCKETS_AROUND = { sqlite: 256, postgres: 0 } as const

const BUCKET_FROM = 'SELECT bucket FROM events WHERE id >= ? ORDER BY id LIMIT 1'
const BUCKET_BEFORE = 'SELECT bucket FROM events WHERE id < ? ORDER BY id DESC LIMIT 1'

/** The events of a window, as one to whom an index of buckets leads. Undefined: there are none. */
async function isInBuckets(
  reading: Reading,
  { from, before }: SearchWindow,
): Promise<Condition | undefined> {
  const [oldest] = await reading.query<{ bucket: number }>(BUCKET_FROM, [from])
  const [newest] = await reading.query<{ bucket: number }>(BUCKET_BEFORE, [before])
  if (!(oldest && newest)) return undefined
  const around = BUCKETS_AROUND[reading.engine]
  const first = Math.min(oldest.bucket, newest.bucket) - around
  const last = Math.max(oldest.bucket, newest.bucket) + around
  const buckets = Array.from({ length: last + 1 - first }, (_, n) => first + n)
  const { sql, values } = isAmong(reading, 'e.bucket', buckets)
  // The plus signs keep an engine from walking by number where the buckets lead.
  return { sql: `${sql} AND +e.id >= ? AND +e.id < ?`, values: [...values, from, before] }
}

/** The key of an inbound event is made of something else than its id, and some keys may be lost. */
function hasEventId(eventId: string, keys: readonly Uint8Array[]): Condition {
  // No column holds a NUL.
  const texts = eventId.includes('\0') ? [] : [eventId]
  const hasId = texts.map(() => 'e.event_id = ?')
  const hasKey = keys.map(() => 'e.key = ?')
  return { sql: `(${[...hasId, ...hasKey].join(' OR ')})`, values: [...texts, ...keys] }
}

/** The events that have this id of their provider's, as far as a key says so, newest first. */
async function findByEventId(reading: Reading, eventId: string): Promise<readonly number[]> {
  const found = await findByKeys(reading, reading.keysOf(eventId))
  if (found.length === 0) return []
  const isTwin = isAmong(reading, 'twin', found)
  const conflicts = await reading.query<{ id: number }>(
    `SELECT id FROM events WHERE twin IS NOT NULL AND ${isTwin.sql}`,
    isTwin.values,
  )
  const all = new Set([...found, ...conflicts.map(({ id }) => id)])
  return [...all].sort((one, other) => other - one)
}

async function findByKeys(
  { query, findByKeys: find }: Reading,
  keys: readonly Uint8Array[],
): Promise<readonly number[]> {
  if (find || keys.length === 0) return find?.(keys) ?? []
  const places = keys.map(() => '?').join(', ')
  const rows = await query<{ event: number }>(
    `SELECT event FROM keys WHERE key IN (${places})`,
    keys,
  )
  return rows.map(({ event }) => event)
}
