import { type JobRow, readJob } from '../claimed-rows.ts'
import { INTERRUPTED, MOST_RECORDED_CHARACTERS } from '../job-record.ts'
import type { ClaimedJob, ClaimRequest, TurnRequest } from '../store.ts'
import { IS_PAUSED } from './claim-runs.ts'
import { GIVEN_MS, NOW_MS, TOO_FAR, takerFor } from './database-time.ts'
import { type Leases, nameOfJob } from './leases.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 10_000 }

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
      failures = CASE j.running WHEN 1 THEN right(coalesce(j.failures, '') || '{"attempt":'
        || j.attempt || ',"endedAt":' || ${NOW_MS} || ',' || $6::text || E'\\n',
        ${MOST_RECORDED_CHARACTERS}) ELSE j.failures END
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

/** When the earliest is due that does not run, and the time of the same clock. */
const NEXT_DUE = `
  SELECT due_at, due_at > ${TOO_FAR} AS is_misdated, ${NOW_MS} AS now FROM jobs
  WHERE handler = $1 AND state = 'pending' AND running = 0 AND NOT ${IS_PAUSED}
  ORDER BY due_at LIMIT 1`

/** Clocks that differ by less are taken for the same. */
const SAME_TIME_MS = 1_000

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

export async function nextDue(
  transactions: Transactions,
  handler: string,
  now: () => number,
): Promise<number | undefined> {
  const [row] = await transactions.runOne<{ due_at: number; is_misdated: boolean; now: number }>(
    PLAN,
    NEXT_DUE,
    [handler],
  )
  if (!row) return undefined
  if (row.is_misdated) return now()
  const ahead = row.now - now()
  return Math.abs(ahead) < SAME_TIME_MS ? row.due_at : row.due_at - ahead
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
