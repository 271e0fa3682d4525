import { type BatchRow, readBatch } from '../claimed-rows.ts'
import { eventsIn, type RunBits, UNREADABLE } from '../run-bits.ts'
import type { ClaimRequest, OpenRun, RunEvent } from '../store.ts'
import { listOf, sendingRows } from './arrays.ts'
import { GIVEN_MS, isOver, NOW_MS, takerFor } from './database-time.ts'
import type { Leases } from './leases.ts'
import { endRun } from './outcomes.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 10_000 }

/** Of the handler that is `$1`. */
export const IS_PAUSED = 'EXISTS (SELECT 1 FROM handlers WHERE name = $1 AND paused_at IS NOT NULL)'

/**
 * Runs of which nobody holds the lease; `$5` is the taker, `$6` where to begin. Sizes are of the events' bytes, and the
 * first is given whatever its size. Times of what is done count from the first opening.
 */
const CLAIM_RUNS = `
  WITH due AS MATERIALIZED (
    SELECT id, base, open, 8 * length(wanted) AS span FROM runs
    WHERE handler = $1 AND open > 0 AND id >= $6 AND ${isOver('leased_until', '$5')} AND NOT ${IS_PAUSED}
    ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
  ), few AS (
    SELECT * FROM (SELECT *, sum(open) OVER (ORDER BY id) AS total FROM due) counted
    WHERE total <= $2 OR total = open
  ), sized AS (
    SELECT id, (SELECT coalesce(sum(bytes), 0) FROM events e
      WHERE e.id >= few.base AND e.id < few.base + few.span) AS bytes FROM few
  ), fitting AS (
    SELECT id FROM (SELECT id, bytes, sum(bytes) OVER (ORDER BY id) AS total FROM sized) added
    WHERE total <= $3 OR total = bytes
  ), claimed AS (
    UPDATE runs r SET fence = r.fence + 1, opened = r.opened + 1,
      leased_until = ${GIVEN_MS} + $4,
      taker = ${takerFor('$4', '$5')},
      opened_at = CASE WHEN r.timings IS NULL THEN ${NOW_MS} ELSE r.opened_at END
    FROM fitting WHERE r.id = fitting.id
    RETURNING r.id, r.batch AS seq, r.base, r.wanted, r.done, r.failed, r.timings, r.fence, r.opened
  )
  SELECT claimed.*, b.id AS batch_id, b.source, b.provider, b.received_at
  FROM claimed JOIN batches b USING (seq) ORDER BY id`

const SELECT_EVENTS = `
  SELECT id, start, bytes, key, type FROM events WHERE id = ANY($1::bigint[]) ORDER BY id`

interface RunRow extends BatchRow, RunBits {
  seq: number
  timings: Uint8Array | null
  id: number
  fence: number
  opened: number
}
/** Part of a run's body. */
interface Slice {
  row: RunRow
  start: number
  bytes: number
}
type EventRow = Pick<RunEvent, 'start' | 'bytes' | 'type'> & { id: number; key: Uint8Array }

const SLICES = sendingRows<Slice>({
  run: ['bigint', ({ row }) => row.id],
  batch: ['bigint', ({ row }) => row.seq],
  start: ['integer', ({ start }) => start],
  bytes: ['integer', ({ bytes }) => bytes],
})
/** Of each body, no more than what lies between the first and the last event. */
const SELECT_SLICES = `
  SELECT s.run, encode(substring(b.body FROM s.start + 1 FOR s.bytes), 'base64') AS body
  FROM (${SLICES.select}) AS s JOIN bodies b ON b.batch = s.batch`

/** Runs for handlers, with leases by the database's clock. Every opening is a fence. */
export function claimRuns(
  transactions: Transactions,
  { taker, runs }: Leases,
  { handler, events, bytes, leaseMs }: ClaimRequest,
): Promise<OpenRun[]> {
  const read = (from: number) =>
    transactions.run(PLAN, async (query) => {
      const values = [handler, events, bytes, leaseMs, taker, from]
      const rows = await query<RunRow>(CLAIM_RUNS, values)
      return rows.length === 0 ? [] : await readRuns(query, rows, handler)
    })
  return runs.take(leaseMs, read, {
    handler,
    describe: ({ run, fence }) => ({ name: run, place: run, fence }),
  })
}

async function readRuns(
  query: Query,
  rows: readonly RunRow[],
  handler: string,
): Promise<OpenRun[]> {
  const wanted = rows.map((row) => eventsIn(row, 'open'))
  const ids = listOf('bigint', [...new Set(wanted.flat())])
  const found = await query<EventRow>(SELECT_EVENTS, [ids])
  const byId = new Map(found.map((event) => [event.id, event]))
  const parts = rows.flatMap((row, index) => {
    const events = (wanted[index] ?? []).flatMap((event) => byId.get(event) ?? [])
    if (events.length === 0) return []
    const start = events.reduce(
      (least, event) => Math.min(least, event.start),
      events[0]?.start ?? 0,
    )
    const end = events.reduce((most, event) => Math.max(most, event.start + event.bytes), 0)
    return [{ row, events, start, bytes: end - start }]
  })
  const slices = await query<{ run: number; body: string }>(SELECT_SLICES, SLICES.lists(parts))
  const bodies = new Map(slices.map(({ run, body }) => [run, Buffer.from(body, 'base64')]))
  // Retention waits for runs that are open: only damage can have taken a body away.
  const isGone = (run: number) => !bodies.has(run)
  for (const { row } of parts.filter(({ row: { id } }) => isGone(id))) {
    await endRun(query, { ...row, since: null }, handler, UNREADABLE.gone)
  }
  return parts.flatMap(({ row, events, start }) => {
    const body = bodies.get(row.id)
    return body ? [readRun(row, handler, { body, events, start })] : []
  })
}

function readRun(
  row: RunRow,
  handler: string,
  { body, events, start }: { body: Uint8Array; events: readonly EventRow[]; start: number },
): OpenRun {
  return {
    run: row.id,
    handler,
    fence: row.fence,
    opened: row.opened,
    batch: readBatch(row, row.seq),
    body,
    events: events.map((event): RunEvent => {
      const { id, bytes, key, type } = event
      return { event: id, start: event.start - start, bytes, keys: key, keyAt: 0, type }
    }),
  }
}
