import type { AttemptName, ClaimedJob, SettledAttempt } from '../../model.ts'
import { type ClaimedRow, MOST_RECORDED_CHARACTERS, readClaimed } from '../rows.ts'
import type { ClaimRequest } from '../store.ts'
import { NOW_MS } from './database-time.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 10_000 }

const CLAIM = `
  WITH due AS (
    SELECT event_id, due_at FROM jobs
    WHERE handler = $1 AND state = 'pending' AND due_at <= ${NOW_MS}
      AND NOT EXISTS (SELECT 1 FROM handlers WHERE name = $1 AND paused_at IS NOT NULL)
    ORDER BY due_at, event_id LIMIT $2 FOR UPDATE SKIP LOCKED
  ), claimed AS (
    UPDATE jobs j SET attempt = j.attempt + 1, fence = j.fence + 1, due_at = ${NOW_MS} + $3, ended_at = NULL
    FROM due WHERE j.event_id = due.event_id AND j.handler = $1
    RETURNING j.event_id, j.attempt, j.fence, due.due_at
  )
  SELECT c.event_id, c.attempt, c.fence, b.id AS batch, e.provider, e.source, e.type, e.name,
         e.key, e.received_at, e.occurred_at, e.payload
  FROM claimed c JOIN events e ON e.id = c.event_id LEFT JOIN batches b ON b.seq = e.batch_seq
  ORDER BY c.due_at, c.event_id`

/**
 * Whether an attempt is the job's newest and has no outcome yet, which `ended_at` tells. As a CASE,
 * so that a job is looked up by its key: statistics are old when a burst comes, and with them the
 * planner takes the pending jobs for few and reads all of them for each.
 */
const isRunning = (attempt: string) => `CASE WHEN j.state = 'pending' AND j.ended_at IS NULL
      AND j.attempt = ${attempt}.attempt AND j.fence = ${attempt}.fence THEN true END`

/** In the order in which outcomes are recorded: the two must not wait for each other. */
const EXTEND = `
  WITH held AS (
    SELECT j.event_id, j.handler FROM jobs j
    JOIN unnest($1::bigint[], $2::text[], $3::integer[], $4::integer[])
      AS running (event_id, handler, attempt, fence) USING (event_id, handler)
    WHERE ${isRunning('running')}
    ORDER BY j.event_id, j.handler FOR UPDATE OF j
  )
  UPDATE jobs j SET due_at = ${NOW_MS} + $5
  FROM held WHERE j.event_id = held.event_id AND j.handler = held.handler`

/** One pass over the jobs, looked up in order. */
const SETTLE = `
  WITH ended AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::integer[], $5::text[],
      $6::bigint[], $7::bigint[], $8::text[])
      AS t (event_id, handler, attempt, fence, outcome, delay_ms, duration_ms, failure)
    ORDER BY event_id, handler
  ), settled AS (
    UPDATE jobs j SET
      state = CASE WHEN e.outcome IN ('done', 'dead') THEN e.outcome ELSE 'pending' END,
      attempt = CASE e.outcome WHEN 'released' THEN j.attempt - 1 ELSE j.attempt END,
      due_at = CASE e.outcome
        WHEN 'retry' THEN ${NOW_MS} + e.delay_ms WHEN 'released' THEN ${NOW_MS} END,
      ended_at = ${NOW_MS},
      duration_ms = e.duration_ms,
      failures = CASE WHEN e.failure IS NULL THEN j.failures ELSE right(
        coalesce(j.failures, '') || '{"attempt":' || j.attempt || ',"endedAt":' || ${NOW_MS}
          || ',' || e.failure || E'\\n', ${MOST_RECORDED_CHARACTERS}) END
    FROM ended e
    WHERE j.event_id = e.event_id AND j.handler = e.handler AND ${isRunning('e')}
    RETURNING j.handler, e.outcome
  ), counted AS (
    INSERT INTO counters SELECT 'done:' || handler, count(*) FROM settled
    WHERE outcome = 'done' GROUP BY handler
  )
  SELECT count(*) AS n FROM settled`

/** Claims, leases and outcomes. Every write names the attempt: that is the fence. */
export function createJobs(transactions: Transactions) {
  async function claim(request: ClaimRequest): Promise<readonly ClaimedJob[]> {
    const { handler, limit, leaseMs } = request
    const rows = await transactions.runOne<ClaimedRow>(PLAN, CLAIM, [handler, limit, leaseMs])
    return rows.map((row) => readClaimed(row, handler))
  }

  async function extend(attempts: readonly AttemptName[], leaseMs: number): Promise<void> {
    if (attempts.length === 0) return
    await transactions.runOne(PLAN, EXTEND, [...readNames(attempts), leaseMs])
  }

  /** Answers how many were refused. */
  async function settle(attempts: readonly SettledAttempt[]): Promise<number> {
    if (attempts.length === 0) return 0
    const firsts = firstOfEach(attempts)
    const [row] = await transactions.runOne<{ n: number }>(PLAN, SETTLE, [
      ...readNames(firsts),
      firsts.map(({ outcome }) => outcome.kind),
      firsts.map(({ outcome }) => (outcome.kind === 'retry' ? Math.ceil(outcome.delayMs) : null)),
      firsts.map(({ durationMs }) => Math.round(durationMs)),
      firsts.map(readFailure),
    ])
    return attempts.length - (row?.n ?? 0)
  }

  return { claim, extend, settle }
}

/** One statement would take any of several outcomes of an attempt: the first counts. */
function firstOfEach(attempts: readonly SettledAttempt[]): SettledAttempt[] {
  const firsts = new Map<string, SettledAttempt>()
  for (const one of attempts) {
    const name = `${one.event} ${one.attempt} ${one.fence} ${one.handler}`
    if (!firsts.has(name)) firsts.set(name, one)
  }
  return [...firsts.values()]
}

function readNames(attempts: readonly AttemptName[]): unknown[] {
  return [
    attempts.map(({ event }) => Number(event)),
    attempts.map(({ handler }) => handler),
    attempts.map(({ attempt }) => attempt),
    attempts.map(({ fence }) => fence),
  ]
}

/**
 * The end of a failure's line; the database adds the beginning, and its time. As JSON, because an
 * error is a handler's text and may hold what no column takes, such as NUL.
 */
function readFailure({ outcome, durationMs }: SettledAttempt): string | null {
  if (outcome.kind !== 'retry' && outcome.kind !== 'dead') return null
  return JSON.stringify({ outcome: outcome.kind, durationMs, error: outcome.error }).slice(1)
}
