import { countSpared, countSparedIn, delayOf, recordFailure, withLine } from '../claimed-rows.ts'
import { addTo, groupBy } from '../group-by.ts'
import { advanceRun, endsOfAll, type RunBits } from '../run-bits.ts'
import type { EndedJob, FailedEvent, RunProgress, Work } from '../store.ts'
import { listOf, sendingRows } from './arrays.ts'
import { addToCounters } from './counters.ts'
import { NOW_MS } from './database-time.ts'
import { type Leases, nameOfJob } from './leases.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 20_000 }

/** In this order everywhere: runs, then jobs, each by number. */
const LOCK_RUNS = `
  SELECT id, handler, base, wanted, done, failed, timings, fence, opened,
    ${NOW_MS} - opened_at AS since
  FROM runs WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE`

interface LockedRun extends RunBits {
  readonly id: number
  readonly handler: string
  readonly timings: Uint8Array | null
  readonly fence: number
  readonly opened: number
  /** Milliseconds since it was opened. */
  readonly since: number | null
}
/** A run as it is to be stored. */
interface ChangedRun extends LockedRun {
  readonly open: number
  readonly isOver: boolean
  readonly isGivenBack: boolean
}

const CHANGED = sendingRows<ChangedRun>({
  id: ['bigint', ({ id }) => id],
  done: ['bytea', ({ done }) => done],
  failed: ['bytea', ({ failed }) => failed],
  timings: ['bytea', ({ timings }) => timings],
  open: ['integer', ({ open }) => open],
  is_over: ['integer', ({ isOver }) => (isOver ? 1 : 0)],
  is_given_back: ['integer', ({ isGivenBack }) => (isGivenBack ? 1 : 0)],
})
/** A run is given back once: it has no lease when that is told again, as its answer was lost. */
const UPDATE_RUNS = `
  UPDATE runs r SET done = p.done, failed = p.failed, timings = p.timings, open = p.open,
    opened = CASE WHEN p.is_given_back = 1 AND p.open > 0 AND r.leased_until > 0
      THEN greatest(0, r.opened - 1) ELSE r.opened END,
    leased_until = CASE WHEN p.is_over = 1 THEN 0 ELSE r.leased_until END,
    taker = CASE WHEN p.is_over = 1 THEN NULL ELSE r.taker END
  FROM (${CHANGED.select}) AS p WHERE r.id = p.id`

/**
 * What became of the events of runs, and of attempts of jobs; each names the opening it belongs to.
 * Answers how many were refused.
 */
export async function record(
  transactions: Transactions,
  leases: Leases,
  { progress, jobs }: Pick<Work, 'progress' | 'jobs'>,
): Promise<number> {
  if (progress.length + jobs.length === 0) return 0
  const { refused, over } = await transactions.run(PLAN, async (query) => {
    const ofRuns = await recordProgress(query, progress)
    return { over: ofRuns.over, refused: ofRuns.refused + (await settle(query, jobs)) }
  })
  // Not before it is committed: until then it has to be told again, and nobody else is to have it.
  for (const { run, fence } of over) leases.runs.drop(run, fence)
  for (const job of jobs) leases.jobs.drop(nameOfJob(job), job.fence)
  return refused
}

/** All that is open ends in the same way. */
export async function endRun(
  query: Query,
  run: LockedRun,
  outcome: FailedEvent['outcome'],
): Promise<void> {
  const next = advanceRun(run, endsOfAll(run, outcome), 0)
  await writeRuns(query, [{ ...next.run, isOver: true, isGivenBack: false }])
  await insertJobs(query, next.failed.map(jobOf(run)))
}

const jobOf =
  ({ handler, opened }: LockedRun) =>
  (failed: FailedEvent): NewJob => ({ ...failed, handler, attempt: opened })

/** Answers how many outcomes were refused, and which openings nobody works on any more. */
async function recordProgress(
  query: Query,
  progress: readonly RunProgress[],
): Promise<{ readonly refused: number; readonly over: readonly RunProgress[] }> {
  if (progress.length === 0) return { refused: 0, over: [] }
  const numbers = [...new Set(progress.map(({ run }) => run))]
  const rows = await query<LockedRun>(LOCK_RUNS, [listOf('bigint', numbers)])
  const runs = new Map<number, LockedRun>(rows.map((row) => [row.id, row]))
  const changed = new Map<number, ChangedRun>()
  const failed: NewJob[] = []
  const done = new Map<string, number>()
  const over: RunProgress[] = []
  let refused = 0
  for (const one of progress) {
    const run = runs.get(one.run)
    // The number may be another's run by now: a server that ends at once may give it again.
    if (!run || run.fence !== one.fence || run.handler !== one.handler) {
      refused += one.done.length + one.failed.length
      over.push(one)
      continue
    }
    const next = advanceRun(run, one, run.since ?? 0)
    runs.set(one.run, next.run)
    const isGivenBack = one.isGivenBack || changed.get(one.run)?.isGivenBack === true
    const isOver = isGivenBack || next.run.open === 0
    changed.set(one.run, { ...next.run, isOver, isGivenBack })
    if (isOver) over.push(one)
    addTo(done, `done:${one.handler}`, next.done)
    failed.push(...next.failed.map(jobOf(run)))
  }
  await Promise.all([
    writeRuns(query, [...changed.values()]),
    insertJobs(query, failed),
    addToCounters(query, done),
  ])
  return { refused, over }
}

async function writeRuns(query: Query, runs: readonly ChangedRun[]): Promise<void> {
  if (runs.length > 0) await query(UPDATE_RUNS, CHANGED.lists(runs))
}

/** A job's record with one more failure, the beginning of whose line is the database's: it has the time. */
export function withFailure(attempt: string, failure: string, before?: string): string {
  const line = `'{"attempt":' || ${attempt} || ',"endedAt":' || ${NOW_MS} || ',' || ${failure} || E'\\n'`
  return withLine(line, { engine: 'postgres' }, before)
}

interface NewJob extends FailedEvent {
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
    ${withFailure('f.attempt', 'f.failure', "''")},
    coalesce(substring(b.body FROM e.start + 1 FOR e.bytes), '')
  FROM (${NEW_JOBS.select}) AS f
  JOIN events e ON e.id = f.event LEFT JOIN bodies b ON b.batch = e.id / 1048576
  ORDER BY f.event, f.handler
  ON CONFLICT (event, handler) DO NOTHING`

async function insertJobs(query: Query, jobs: readonly NewJob[]): Promise<void> {
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
      failures = CASE WHEN e.failure IS NULL THEN j.failures
        ELSE ${withFailure('j.attempt', 'e.failure')} END
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
async function settle(query: Query, ended: readonly EndedJob[]): Promise<number> {
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
