import { bucketOf, eventIdOf, FEW_EVENTS } from '../event-id.ts'
import { makeBits, wantedEvents } from '../run-bits.ts'
import type { StoredRun, UnpackedEvent, UnpackedPage, UnreadablePiece } from '../store.ts'
import { given, keyAt, sendingRows } from './arrays.ts'
import { GIVEN_MS, NOW_MS, takerFor } from './database-time.ts'
import type { Query } from './transactions.ts'

/** An event with its number. */
interface NewEvent {
  readonly id: number
  readonly bucket: number
  readonly key: Uint8Array
  readonly event: UnpackedEvent
}

const KEYS = sendingRows<NewEvent>({
  key: ['uuid', ({ key }) => key],
  event: ['bigint', ({ id }) => id],
})
/**
 * Sorted: two replicas with the same keys in different order must not wait for each other. A key that
 * became known since it was looked for fails the statement: ON CONFLICT costs twice as much for all.
 */
const INSERT_KEYS = `INSERT INTO keys ${KEYS.select} ORDER BY key`

const EVENTS = sendingRows<NewEvent>({
  id: ['bigint', ({ id }) => id],
  bucket: ['bigint', ({ bucket }) => bucket],
  start: ['integer', ({ event }) => event.start],
  bytes: ['integer', ({ event }) => event.bytes],
  key: ['uuid', ({ key }) => key],
  type: ['text', ({ event }) => given(event.type)],
  name: ['text', ({ event }) => event.name],
  event_id: ['text', ({ event }) => (event.isIdKey ? '' : given(event.eventId))],
  verdict: ['text', ({ event }) => event.verdict],
  twin: ['bigint', ({ event }) => event.twin],
  occurred_at: ['bigint', ({ event }) => event.occurredAt],
  recipient: ['text', ({ event }) => given(event.recipient)],
  message_id: ['text', ({ event }) => given(event.messageId)],
})
const INSERT_EVENTS = `INSERT INTO events (${EVENTS.names}) ${EVENTS.select}`

/** Keys and events of pages. */
export async function insertEvents(query: Query, pages: readonly UnpackedPage[]): Promise<void> {
  const events = pages.flatMap(({ batch, events, keys, fromPiece, isLast }) => {
    const isAll = fromPiece === 0 && isLast
    const size = isAll && events.length <= FEW_EVENTS ? 'few' : 'many'
    const bucket = bucketOf(eventIdOf(batch.seq, 0), size)
    return events.map((event, n): NewEvent => {
      return { id: eventIdOf(batch.seq, event.position), bucket, key: keyAt(keys, n), event }
    })
  })
  if (events.length === 0) return
  await Promise.all([
    query(INSERT_KEYS, KEYS.lists(events)),
    query(INSERT_EVENTS, EVENTS.lists(events)),
  ])
}

interface NewRun {
  readonly page: number
  readonly batch: number
  readonly handler: string
  readonly events: readonly number[]
  readonly opened: number
}

const RUNS = sendingRows<NewRun>({
  batch: ['bigint', ({ batch }) => batch],
  handler: ['text', ({ handler }) => handler],
  base: ['bigint', ({ events }) => events[0]],
  wanted: ['bytea', ({ events }) => makeBits(events[0] ?? 0, events)],
  open: ['integer', ({ events }) => events.length],
  opened: ['integer', ({ opened }) => opened],
})
/** What is handed out at once is leased for `$7` to the taker `$8`, unless its handler is paused. */
const INSERT_RUNS = `
  INSERT INTO runs (batch, handler, base, wanted, open, fence, opened, opened_at, leased_until, taker)
  SELECT batch, handler, base, wanted, open, opened, opened, CASE opened WHEN 1 THEN ${NOW_MS} END,
    CASE opened WHEN 1 THEN ${GIVEN_MS} + $7 ELSE 0 END,
    CASE opened WHEN 1 THEN ${takerFor('$7', '$8')} END
  FROM (
    SELECT batch, handler, base, wanted, open, CASE WHEN handler IN (
      SELECT name FROM handlers WHERE paused_at IS NOT NULL) THEN 0 ELSE opened END AS opened
    FROM (${RUNS.select}) AS r
  ) AS r
  RETURNING id, handler, base, fence`

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
  const rows = await query<RunRow>(INSERT_RUNS, [...RUNS.lists(runs), ...lease])
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

const PIECES = sendingRows<UnreadablePiece & { readonly batch: number }>({
  batch: ['bigint', ({ batch }) => batch],
  reason: ['text', ({ reason }) => reason],
  detail: ['text', ({ detail }) => given(detail)],
  position: ['integer', ({ position }) => position],
  pieces: ['integer', ({ pieces }) => pieces],
  start: ['integer', ({ start }) => start],
  bytes: ['integer', ({ bytes }) => bytes],
})
const INSERT_UNREADABLE = `INSERT INTO quarantine (${PIECES.names}) ${PIECES.select}`

export async function insertUnreadable(
  query: Query,
  pages: readonly UnpackedPage[],
): Promise<void> {
  const rows = pages.flatMap(({ batch, unreadable }) =>
    unreadable.map((piece) => ({ ...piece, batch: batch.seq })),
  )
  if (rows.length > 0) await query(INSERT_UNREADABLE, PIECES.lists(rows))
}

const REPLACE_BODY = 'UPDATE bodies SET body = $2 WHERE batch = $1'
const REPLACE_HASH = `UPDATE batches SET sha256 = decode($2, 'hex'), body_bytes = $3 WHERE seq = $1`

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
