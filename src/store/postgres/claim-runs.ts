import { type BatchRow, INTERRUPTED, type JobRow, readBatch, readJob } from '../claimed-rows.ts'
import { eventsIn, type RunBits, UNREADABLE } from '../run-bits.ts'
import type { ClaimedJob, ClaimRequest, OpenRun, RunEvent, TurnRequest } from '../store.ts'
import { listOf, sendingRows } from './arrays.ts'
import { GIVEN_MS, isOver, NOW_MS, TOO_FAR, takerFor } from './database-time.ts'
import { type Leases, nameOfJob } from './leases.ts'
import { endRun, withFailure } from './outcomes.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 10_000 }

/** Of the handler that is `$1`. */
const IS_PAUSED = 'EXISTS (SELECT 1 FROM handlers WHERE name = $1 AND paused_at IS NOT NULL)'

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
    RETURNING r.id, r.batch AS seq, r.handler, r.base, r.wanted, r.done, r.failed, r.timings, r.fence,
      r.opened
  )
  SELECT claimed.*, b.id AS batch_id, b.source, b.provider, b.received_at
  FROM claimed JOIN batches b USING (seq) ORDER BY id`

const SELECT_EVENTS = `
  SELECT id, start, bytes, key, type FROM events WHERE id = ANY($1::bigint[]) ORDER BY id`

interface RunRow extends BatchRow, RunBits {
  seq: number
  timings: Uint8Array | null
  id: number
  handler: string
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
      return rows.length === 0 ? [] : await readRuns(query, rows)
    })
  return runs.take(leaseMs, read, {
    handler,
    describe: ({ run, fence }) => ({ name: run, place: run, fence }),
  })
}

async function readRuns(query: Query, rows: readonly RunRow[]): Promise<OpenRun[]> {
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
  // Retention waits for runs that are open: only damage can have taken a body, or all events, away.
  for (const row of rows.filter(({ id }) => !bodies.has(id))) {
    await endRun(query, { ...row, since: null }, UNREADABLE.gone)
  }
  return parts.flatMap(({ row, events, start }) => {
    const body = bodies.get(row.id)
    return body ? [readRun(row, { body, events, start })] : []
  })
}

function readRun(
  row: RunRow,
  { body, events, start }: { body: Uint8Array; events: readonly EventRow[]; start: number },
): OpenRun {
  return {
    run: row.id,
    handler: row.handler,
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

const pick = (condition: string) => `
  SELECT id, due_at, length(payload) AS bytes FROM jobs
  WHERE handler = $1 AND state = 'pending' AND ${condition} AND NOT ${IS_PAUSED}
    AND (running = 0 OR taker IS DISTINCT FROM $5)
  ORDER BY due_at, id LIMIT $2 FOR UPDATE SKIP LOCKED`

/** `$7` is when the first may have been due. */
const CLAIM_JOBS = `
  WITH due AS MATERIALIZED (${pick(`due_at >= $7 AND due_at <= ${NOW_MS}`)}
  ), misdated AS MATERIALIZED (${pick(`due_at > ${TOO_FAR}`)}
  ), fitting AS (
    SELECT id, due_at FROM (
      SELECT *, sum(bytes) OVER (ORDER BY due_at, id) AS total,
        row_number() OVER (ORDER BY due_at, id) AS place
      FROM (SELECT * FROM due UNION ALL SELECT * FROM misdated) either) added
    WHERE place <= $2 AND (total <= $3 OR place = 1)
  ), claimed AS (
    UPDATE jobs j SET attempt = j.attempt + 1, fence = j.fence + 1, running = 1,
      taker = ${takerFor('$4', '$5')}, due_at = ${GIVEN_MS} + $4,
      failures = CASE j.running WHEN 1 THEN ${withFailure('j.attempt', '$6::text')} ELSE j.failures END
    FROM fitting f WHERE j.id = f.id
    RETURNING j.id, f.due_at, j.event, j.attempt, j.spared, j.fence, j.alone, j.payload
  )
  SELECT least(c.due_at, ${NOW_MS}) AS place, c.event, c.attempt, c.spared, c.fence, c.alone,
    encode(c.payload, 'base64') AS payload, e.key, e.type, b.id AS batch_id, b.source, b.provider,
    b.received_at
  FROM claimed c LEFT JOIN events e ON e.id = c.event LEFT JOIN batches b ON b.seq = c.event / 1048576
  ORDER BY c.due_at, c.id`

interface DueRow extends JobRow {
  /** When it was due. */
  readonly place: number
  /** In base64. */
  readonly payload: string
}

/** Jobs that are due, with leases by the database's clock. Every claim is a fence. */
export async function claimJobs(
  transactions: Transactions,
  { taker, jobs }: Leases,
  { handler, events, bytes, leaseMs }: ClaimRequest,
): Promise<ClaimedJob[]> {
  const values = [handler, events, bytes, leaseMs, taker, INTERRUPTED]
  const read = (from: number) => transactions.runOne<DueRow>(PLAN, CLAIM_JOBS, [...values, from])
  const rows = await jobs.take(leaseMs, read, {
    handler,
    describe: ({ event, place, fence }) => {
      return { name: nameOfJob({ event, handler }), place, fence }
    },
  })
  return rows.map((row) => readJob(row, handler, Buffer.from(row.payload, 'base64')))
}

const TURNS: TransactionPlan = { sync: 'off', timeoutMs: 5_000 }

/**
 * `turn_at` is until when the turns of a handler are taken, in microseconds: never ahead of the clock,
 * and behind it by no more than `$4` turns. `$1` the handler, `$2` turns wanted, `$3` the time of one.
 */
const TAKE_TURNS = `
  WITH clock AS (SELECT 1000 * ${NOW_MS} AS us), asked AS MATERIALIZED (
    SELECT name, greatest(least(turn_at, us), us - $4::bigint * $3::bigint) AS since, us
    FROM handlers, clock WHERE name = $1 AND paused_at IS NULL FOR UPDATE OF handlers
  ), granted AS (
    SELECT name, since, least($2::bigint, (us - since) / $3::bigint) AS turns FROM asked
  )
  UPDATE handlers h SET turn_at = g.since + g.turns * $3::bigint
  FROM granted g WHERE h.name = g.name AND g.turns > 0 RETURNING g.turns`

/** One row, which all replicas take from: a handler with a rate has it in common. */
export async function takeTurns(
  transactions: Transactions,
  { handler, wanted, everyUs, atOnce }: TurnRequest,
): Promise<number> {
  const values = [handler, wanted, everyUs, atOnce]
  const [row] = await transactions.runOne<{ turns: number }>(TURNS, TAKE_TURNS, values)
  return Number(row?.turns ?? 0)
}
