import { batchOf, bucketOf, eventIdOf } from '../event-id.ts'
import { allOf, anyOf, atOnce, isAmong, query, raw, type Sql, type Steps, sql } from '../steps.ts'
import type { EventQuery, EventRow, Page } from '../store.ts'
import { createCandidates, type FindCandidates, inPortions, searchEvents } from './candidates.ts'
import { addStates, selectEvents } from './event-rows.ts'
import type { Reading, SearchWindow } from './port.ts'

/** Where not every event has the state that is asked for, so many are looked at together. */
const MOST_AT_ONCE = 500

/** Finds events, newest first; for a bounded time. */
export function* listEvents(reading: Reading, asked: EventQuery): Steps<Page<EventRow>> {
  const { cursor, limit = 50, state } = asked
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
  const texts = [asked.source, asked.type, asked.recipient, asked.messageId, asked.batch]
  // No column holds a NUL, and PostgreSQL takes none.
  if (texts.some((text) => text?.includes('\0'))) return { rows: [], cursor: undefined }
  const ofBatch = isOfBatch(asked)
  const findLead = yield* createLead(reading, asked)
  const conditions = [ofBatch, ...readConditions(reading, asked)]

  return yield* searchEvents<EventRow>(reading, {
    before,
    limit,
    *look(whole, left) {
      const window = ofBatch ? yield* narrow(whole, ofBatch) : whole
      const lead = window && (yield* findLead(window))
      if (!lead?.condition) return { rows: [], reached: lead?.reached }
      const atOnce = state === undefined ? left : Math.max(left, MOST_AT_ONCE)
      const rows = yield* selectEvents([lead.condition, ...conditions], atOnce)
      const reached = rows.length === atOnce ? rows.at(-1)?.id : lead.reached
      return { rows: (yield* addStates(reading, rows, state)).slice(0, left), reached }
    },
    cursorOf: ({ id }) => id,
    cursorBefore: String,
  })
}

/** Batches are few beside their events: what none of theirs can match is not looked at. */
function* narrow({ from, before }: SearchWindow, ofBatch: Sql): Steps<SearchWindow | undefined> {
  const [found] = yield* query<{ first: number | null; last: number | null }>(
    sql`SELECT min(seq) AS first, max(seq) AS last FROM batches b
        WHERE seq >= ${batchOf(from)} AND seq <= ${batchOf(before - 1)} AND ${ofBatch}`,
  )
  if (!found || found.first === null || found.last === null) return undefined
  return {
    from: Math.max(from, eventIdOf(found.first, 0)),
    before: Math.min(before, eventIdOf(found.last + 1, 0)),
  }
}

type Test<Value = string> = (value: Value) => Sql

const test = <Value>(value: Value | undefined, condition: Test<Value>): Sql | undefined =>
  value === undefined ? undefined : condition(value)

/** Undefined: those of any batch are wanted. */
function isOfBatch({ source, batch, from, to }: EventQuery): Sql | undefined {
  const conditions = allOf([
    test(source, (name) => sql`b.source = ${name}`),
    test(batch, (id) => sql`b.id = ${id}`),
    test(from, (at) => sql`b.received_at >= ${at}`),
    test(to, (at) => sql`b.received_at < ${at}`),
  ])
  return conditions.sql === '' ? undefined : conditions
}

function readConditions({ engine }: Reading, asked: EventQuery): (Sql | undefined)[] {
  const { type, recipient, messageId, state } = asked
  const is = TESTS[engine]
  const hasVerdict = state === 'unhandled' || state === 'conflict' || state === 'stale'
  return [
    test(type, is.type),
    test(recipient?.toLowerCase(), is.recipient),
    test(messageId, is.messageId),
    hasVerdict ? is.verdict(state) : undefined,
    state === 'done' ? raw(`e.verdict = 'dispatched'`) : undefined,
  ]
}

const hashed = (column: Sql): Test => {
  const hash = sql`hashtext(CAST(${column} AS text))`
  return (value) => sql`${hash} = hashtext(CAST(${value} AS text)) AND ${column} = ${value}`
}

/** As the columns and indexes of an engine have it. */
const TESTS: Readonly<
  Record<Reading['engine'], Record<'type' | 'recipient' | 'messageId' | 'verdict', Test>>
> = {
  sqlite: {
    type: (type) => sql`e.stored_type IN (${type}, (SELECT id FROM words WHERE word = ${type}))`,
    recipient: (recipient) => sql`e.recipient = ${recipient}`,
    messageId: (messageId) => sql`e.message_id = ${messageId}`,
    verdict: (verdict) => sql`e.stored_verdict = ${verdict}`,
  },
  postgres: {
    type: (type) => sql`e.type = ${type}`,
    recipient: hashed(raw('e.recipient')),
    messageId: hashed(raw('e.message_id')),
    // The index is only used when it is plain that none of the others is asked for.
    verdict: (verdict) => sql`e.verdict <> 'dispatched' AND e.verdict = ${verdict}`,
  },
}

/** What leads to the events of a window, or to those from `reached` on; no condition: there are none. */
interface Lead {
  readonly condition?: Sql
  readonly reached?: number
}

/** Finds what leads to the events of a query. */
function* createLead(
  reading: Reading,
  { state, type, recipient, messageId, eventId }: EventQuery,
): Steps<(window: SearchWindow) => Steps<Lead>> {
  const known = eventId === undefined ? [] : yield* findByEventId(reading, eventId)
  const isWithin = ({ from, before }: SearchWindow) => sql`e.id >= ${from} AND e.id < ${before}`

  if (known.length > 0) {
    return (window) => {
      const ids = known.filter((id) => id >= window.from && id < window.before)
      return atOnce(ids.length === 0 ? {} : { condition: isAmong(reading, 'e.id', ids) })
    }
  }
  if (eventId !== undefined) {
    const isIt = hasEventId(eventId, reading.keysOf(eventId))
    return (window) => atOnce({ condition: allOf([isWithin(window), isIt]) })
  }
  if (recipient !== undefined || messageId !== undefined) {
    const find = reading.findLookups
    if (!find) {
      const column = messageId === undefined ? 'recipient' : 'message_id'
      return function* (window) {
        return { condition: yield* isInBuckets(reading, column, window) }
      }
    }
    const wanted = { recipient: recipient?.toLowerCase(), messageId }
    const findAll = function* (window: SearchWindow) {
      return { ids: yield* find(wanted, window), from: window.from }
    }
    return byCandidates(reading, inPortions(findAll))
  }
  // Where a type is wanted as well, few of the done have it.
  const isLed = state === 'pending' || state === 'dead' || (state === 'done' && type === undefined)
  if (!isLed) return (window) => atOnce({ condition: isWithin(window) })
  return byCandidates(reading, yield* createCandidates(reading, { state }))
}

function byCandidates(reading: Reading, find: FindCandidates) {
  return function* (window: SearchWindow): Steps<Lead> {
    const { ids, reached } = yield* find(window, MOST_AT_ONCE)
    return ids.length === 0 ? { reached } : { condition: isAmong(reading, 'e.id', ids), reached }
  }
}

/** More of them are probed only where it is known that there are events in them. */
const MOST_PROBED = 8

/** The buckets between two that have events, by one probe for each. */
const selectBuckets = (hasColumn: Sql, first: number, last: number) => sql`
  WITH RECURSIVE found (n) AS (
    SELECT max(bucket) FROM events WHERE ${hasColumn} AND bucket BETWEEN ${first} AND ${last}
    UNION ALL
    SELECT (SELECT max(bucket) FROM events
      WHERE ${hasColumn} AND bucket >= ${first} AND bucket < found.n)
    FROM found WHERE n IS NOT NULL)
  SELECT n FROM found WHERE n IS NOT NULL`

/** The events of a window, as one to whom an index of buckets leads. */
function* isInBuckets(
  reading: Reading,
  column: 'recipient' | 'message_id',
  { from, before }: SearchWindow,
): Steps<Sql> {
  const hasColumn = raw(`${column} IS NOT NULL`)
  const buckets: number[] = []
  for (const size of ['many', 'few'] as const) {
    const ends = [bucketOf(from, size), bucketOf(before - 1, size)].sort((a, b) => a - b)
    const [first = 0, last = 0] = ends
    if (last - first < MOST_PROBED) for (let n = first; n <= last; n++) buckets.push(n)
    else {
      const found = yield* query<{ n: number }>(selectBuckets(hasColumn, first, last))
      for (const { n } of found) buckets.push(n)
    }
  }
  const isInOne = isAmong(reading, 'e.bucket', buckets)
  // The plus signs keep an engine from walking by number where the buckets lead.
  return sql`${isInOne} AND +e.id >= ${from} AND +e.id < ${before}`
}

/** The key of an inbound event is made of something else than its id, and some keys may be lost. */
function hasEventId(eventId: string, keys: readonly Uint8Array[]): Sql {
  // No column holds a NUL.
  const hasId = eventId.includes('\0') ? [] : [sql`e.event_id = ${eventId}`]
  return anyOf([...hasId, ...keys.map((key) => sql`e.key = ${key}`)])
}

/** The events that have this id of their provider's, as far as a key says so, newest first. */
function* findByEventId(reading: Reading, eventId: string): Steps<readonly number[]> {
  const found = yield* findByKeys(reading, reading.keysOf(eventId))
  if (found.length === 0) return []
  const conflicts = yield* query<{ id: number }>(
    sql`SELECT id FROM events WHERE twin IS NOT NULL AND ${isAmong(reading, 'twin', found)}`,
  )
  const all = new Set([...found, ...conflicts.map(({ id }) => id)])
  return [...all].sort((one, other) => other - one)
}

function* findByKeys(
  { findByKeys: find }: Reading,
  keys: readonly Uint8Array[],
): Steps<readonly number[]> {
  if (find) return yield* find(keys)
  if (keys.length === 0) return []
  const isOne = anyOf(keys.map((key) => sql`key = ${key}`))
  const rows = yield* query<{ event: number }>(sql`SELECT event FROM keys WHERE ${isOne}`)
  return rows.map(({ event }) => event)
}
