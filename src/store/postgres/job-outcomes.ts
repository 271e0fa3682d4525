import { groupBy } from '../group-by.ts'
import {
  countSpared,
  countSparedIn,
  delayOf,
  MOST_RECORDED_CHARACTERS,
  recordFailure,
} from '../job-record.ts'
import type { EndedJob, FailedEvent } from '../store.ts'
import { sendingRows } from './arrays.ts'
import { NOW_MS } from './database-time.ts'
import type { Query } from './transactions.ts'

/** The beginning of a failure's line is the database's: it has the time. */
const line = (attempt: string, failure: string) =>
  `'{"attempt":' || ${attempt} || ',"endedAt":' || ${NOW_MS} || ',' || ${failure} || E'\\n'`

export interface NewJob extends FailedEvent {
  readonly handler: string
  /** In a run, the opening of the run. */
  readonly attempt: number
}

const NEW_JOBS = sendingRows<NewJob>({
  event: ['bigint', ({ event }) => event],
  handler: ['text', ({ handler }) => handler],
  outcome: ['text', ({ outcome }) => outcome.kind],
  attempt: ['integer', ({ attempt }) => attempt],
  spared: ['integer', ({ attempt, outcome }) => countSparedIn(attempt, outcome)],
  delay_ms: ['bigint', ({ outcome }) => delayOf(outcome)],
  duration_ms: ['bigint', ({ durationMs }) => Math.round(durationMs)],
  failure: ['text', readFailure],
})
/** What failed takes its bytes along. */
const INSERT_JOBS = `
  INSERT INTO jobs (event, handler, state, attempt, spared, alone, due_at, ended_at, duration_ms,
    failures, payload)
  SELECT f.event, f.handler, CASE f.outcome WHEN 'dead' THEN 'dead' ELSE 'pending' END, f.attempt,
    f.spared, CASE f.outcome WHEN 'alone' THEN 1 ELSE 0 END,
    CASE WHEN f.outcome <> 'dead' THEN ${NOW_MS} + f.delay_ms END, ${NOW_MS}, f.duration_ms,
    right(${line('f.attempt', 'f.failure')}, ${MOST_RECORDED_CHARACTERS}),
    coalesce(substring(b.body FROM e.start + 1 FOR e.bytes), '')
  FROM (${NEW_JOBS.select}) AS f
  JOIN events e ON e.id = f.event LEFT JOIN bodies b ON b.batch = e.id / 1048576
  ORDER BY f.event, f.handler
  ON CONFLICT (event, handler) DO NOTHING`

export async function insertJobs(query: Query, jobs: readonly NewJob[]): Promise<void> {
  if (jobs.length > 0) await query(INSERT_JOBS, NEW_JOBS.lists(jobs))
}

const ENDED = sendingRows<EndedJob>({
  event: ['bigint', ({ event }) => event],
  handler: ['text', ({ handler }) => handler],
  fence: ['integer', ({ fence }) => fence],
  outcome: ['text', ({ outcome }) => outcome.kind],
  delay_ms: ['bigint', ({ outcome }) => delayOf(outcome)],
  spared: ['integer', ({ outcome }) => countSpared(outcome)],
  duration_ms: ['bigint', ({ durationMs }) => Math.round(durationMs)],
  failure: ['text', readFailure],
})
/**
 * One pass over the jobs, looked up in order, each by its key: a CASE keeps the planner from reading
 * all that are pending, which it takes for few when its statistics are old.
 */
const SETTLE = `
  WITH ended AS MATERIALIZED (${ENDED.select} ORDER BY event, handler), settled AS (
    UPDATE jobs j SET
      state = CASE WHEN e.outcome IN ('done', 'dead') THEN e.outcome ELSE 'pending' END,
      attempt = CASE e.outcome WHEN 'released' THEN j.attempt - 1 ELSE j.attempt END,
      spared = j.spared + e.spared,
      running = 0,
      alone = CASE e.outcome WHEN 'alone' THEN 1 WHEN 'released' THEN j.alone ELSE 0 END,
      taker = NULL,
      due_at = CASE WHEN e.outcome NOT IN ('done', 'dead') THEN ${NOW_MS} + e.delay_ms END,
      ended_at = CASE e.outcome WHEN 'released' THEN j.ended_at ELSE ${NOW_MS} END,
      duration_ms = CASE e.outcome WHEN 'released' THEN j.duration_ms ELSE e.duration_ms END,
      failures = CASE WHEN e.failure IS NULL THEN j.failures ELSE right(
        coalesce(j.failures, '') || ${line('j.attempt', 'e.failure')},
        ${MOST_RECORDED_CHARACTERS}) END
    FROM ended e
    WHERE j.event = e.event AND j.handler = e.handler
      AND CASE WHEN j.state = 'pending' AND j.running = 1 AND j.fence = e.fence THEN true END
    RETURNING j.handler, e.outcome
  ), counted AS (
    INSERT INTO counters (name, n) SELECT 'done:' || handler, count(*) FROM settled
    WHERE outcome = 'done' GROUP BY handler
  )
  SELECT count(*) AS n FROM settled`

/** Answers how many came too late. */
export async function settle(query: Query, ended: readonly EndedJob[]): Promise<number> {
  if (ended.length === 0) return 0
  const [row] = await query<{ n: number }>(SETTLE, ENDED.lists(firstOfEach(ended)))
  return ended.length - (row?.n ?? 0)
}

/** One statement would take any of several outcomes of an attempt: the first counts. */
function firstOfEach(ended: readonly EndedJob[]): EndedJob[] {
  const name = ({ event, fence, handler }: EndedJob) => `${event} ${fence} ${handler}`
  return [...groupBy(ended, name).values()].flatMap((same) => same[0] ?? [])
}

function readFailure({ outcome, durationMs }: Pick<EndedJob, 'outcome' | 'durationMs'>) {
  const hasFailed = outcome.kind !== 'done' && outcome.kind !== 'released'
  return hasFailed ? recordFailure(outcome, durationMs) : null
}
