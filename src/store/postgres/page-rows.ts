import { eventIdOf } from '../event-id.ts'
import { makeBits, wantedEvents } from '../run-bits.ts'
import type { StoredRun, UnpackedPage } from '../store.ts'
import { byteaArray, givenTexts, int4Array, int8Array, keyArray, textArray } from './arrays.ts'
import { GIVEN_MS, NOW_MS, takerFor } from './database-time.ts'
import type { Query } from './transactions.ts'

/**
 * Sorted: two replicas with the same keys in different order must not wait for each other. A key that
 * became known since it was looked for fails the statement: ON CONFLICT costs twice as much for all.
 */
const INSERT_KEYS = `
  INSERT INTO keys SELECT * FROM unnest($1::bytea[], $2::bigint[]) AS k (key, event) ORDER BY key`

/** A bucket is 256 batches. */
const INSERT_EVENTS = `
  INSERT INTO events (id, bucket, start, bytes, key, type, name, event_id, verdict, twin,
    occurred_at, recipient, message_id)
  SELECT id, id >> 28, start, bytes, key, type, name, event_id, verdict, twin, occurred_at,
    recipient, message_id
  FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::bytea[], $5::text[], $6::text[],
    $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::text[])
    AS e (id, start, bytes, key, type, name, event_id, verdict, twin, occurred_at, recipient,
      message_id)`

const INSERT_RUNS = `
  INSERT INTO runs (batch, handler, base, wanted, open, fence, opened, opened_at, leased_until, taker)
  SELECT batch, handler, base, wanted, open, opened, opened, CASE opened WHEN 1 THEN ${NOW_MS} END,
    CASE opened WHEN 1 THEN ${GIVEN_MS} + $7 ELSE 0 END,
    CASE opened WHEN 1 THEN ${takerFor('$7', '$8')} END
  FROM (
    SELECT batch, handler, base, wanted, open, CASE WHEN handler IN (
      SELECT name FROM handlers WHERE paused_at IS NOT NULL) THEN 0 ELSE opened END AS opened
    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[], $5::integer[], $6::integer[])
      AS r (batch, handler, base, wanted, open, opened)
  ) AS r
  RETURNING id, handler, base, fence`

const INSERT_UNREADABLE = `
  INSERT INTO quarantine (batch, reason, detail, position, pieces, start, bytes)
  SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::integer[],
    $6::integer[], $7::integer[])`

const REPLACE_BODY = 'UPDATE bodies SET body = $2 WHERE batch = $1'
const REPLACE_HASH = `UPDATE batches SET sha256 = decode($2, 'hex'), body_bytes = $3 WHERE seq = $1`

const idsOf = ({ batch, events }: UnpackedPage): number[] =>
  events.map(({ position }) => eventIdOf(batch.seq, position))

export async function insertKeys(query: Query, pages: readonly UnpackedPage[]): Promise<void> {
  const ids = pages.flatMap(idsOf)
  if (ids.length > 0) await query(INSERT_KEYS, [readKeys(pages), int8Array(ids)])
}

const readKeys = (pages: readonly UnpackedPage[]): Buffer =>
  keyArray(
    pages.length === 1 && pages[0] ? pages[0].keys : Buffer.concat(pages.map(({ keys }) => keys)),
  )

export async function insertEvents(query: Query, pages: readonly UnpackedPage[]): Promise<void> {
  const events = pages.flatMap((page) => page.events)
  if (events.length === 0) return
  await query(INSERT_EVENTS, [
    int8Array(pages.flatMap(idsOf)),
    int4Array(events.map(({ start }) => start)),
    int4Array(events.map(({ bytes }) => bytes)),
    readKeys(pages),
    givenTexts(events.map(({ type }) => type)),
    textArray(events.map(({ name }) => name)),
    givenTexts(events.map(({ eventId, isIdKey }) => (isIdKey ? '' : eventId))),
    textArray(events.map(({ verdict }) => verdict)),
    int8Array(events.map(({ twin }) => twin)),
    int8Array(events.map(({ occurredAt }) => occurredAt)),
    givenTexts(events.map(({ recipient }) => recipient)),
    givenTexts(events.map(({ messageId }) => messageId)),
  ])
}

interface NewRun {
  readonly page: number
  readonly batch: number
  readonly handler: string
  readonly events: readonly number[]
  readonly opened: number
}

interface RunRow {
  readonly id: number
  readonly handler: string
  readonly base: number
  readonly fence: number
}

export async function insertRuns(
  query: Query,
  pages: readonly UnpackedPage[],
  lease: readonly number[],
): Promise<StoredRun[][]> {
  const runs = pages.flatMap(listRuns)
  const stored: StoredRun[][] = pages.map(() => [])
  if (runs.length === 0) return stored
  const rows = await query<RunRow>(INSERT_RUNS, [
    int8Array(runs.map(({ batch }) => batch)),
    textArray(runs.map(({ handler }) => handler)),
    int8Array(runs.map(({ events }) => events[0])),
    byteaArray(runs.map(({ events }) => makeBits(events[0] ?? 0, events))),
    int4Array(runs.map(({ events }) => events.length)),
    int4Array(runs.map(({ opened }) => opened)),
    ...lease,
  ])
  const inserted = new Map(rows.map((row) => [`${row.base} ${row.handler}`, row]))
  for (const { page, handler, events } of runs) {
    const { id: run = 0, fence = 0 } = inserted.get(`${events[0]} ${handler}`) ?? {}
    stored[page]?.push({ run, handler, fence })
  }
  return stored
}

/** One for each handler that wants any of the page's events. */
function listRuns(unpacked: UnpackedPage, page: number): NewRun[] {
  const { batch, opensFor } = unpacked
  return [...wantedEvents(unpacked)].map(([handler, events]) => {
    return { page, batch: batch.seq, handler, events, opened: opensFor.has(handler) ? 1 : 0 }
  })
}

export async function insertUnreadable(
  query: Query,
  pages: readonly UnpackedPage[],
): Promise<void> {
  const rows = pages.flatMap(({ batch, unreadable }) =>
    unreadable.map((piece) => ({ ...piece, batch: batch.seq })),
  )
  if (rows.length === 0) return
  await query(INSERT_UNREADABLE, [
    int8Array(rows.map(({ batch }) => batch)),
    textArray(rows.map(({ reason }) => reason)),
    givenTexts(rows.map(({ detail }) => detail)),
    int4Array(rows.map(({ position }) => position)),
    int4Array(rows.map(({ pieces }) => pieces)),
    int4Array(rows.map(({ start }) => start)),
    int4Array(rows.map(({ bytes }) => bytes)),
  ])
}

export async function replaceBodies(query: Query, pages: readonly UnpackedPage[]): Promise<void> {
  await Promise.all(
    pages.flatMap(({ batch, replacement }) => {
      if (!replacement) return []
      const { body, sha256 } = replacement
      return [
        query(REPLACE_BODY, [batch.seq, body]),
        query(REPLACE_HASH, [batch.seq, sha256, body.byteLength]),
      ]
    }),
  )
}
