import type { RunBits } from '../run-bits.ts'
import { advanceRun, CUT, endsOfAll } from '../run-ends.ts'
import type { FailedEvent, OpenRun, RunProgress, Work } from '../store.ts'
import { listOf, sendingRows } from './arrays.ts'
import { addToCounters } from './counters.ts'
import { NOW_MS } from './database-time.ts'
import type { Holdings } from './holdings.ts'
import { insertJobs, type NewJob, settle } from './job-outcomes.ts'
import { type Leases, nameOfJob } from './leases.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 20_000 }

/** In this order everywhere: runs, then jobs, each by number. */
const LOCK_RUNS = `
  SELECT id, base, wanted, done, failed, timings, fence, opened, ${NOW_MS} - opened_at AS since
  FROM runs WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE`

interface LockedRun extends RunBits {
  readonly id: number
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
  const refused = await transactions.run(PLAN, async (query) => {
    const ofRuns = await recordProgress(query, progress, leases.runs)
    return ofRuns + (await settle(query, jobs))
  })
  for (const job of jobs) leases.jobs.drop(nameOfJob(job))
  return refused
}

export async function cutRun(
  transactions: Transactions,
  leases: Leases,
  { run, fence, handler }: Pick<OpenRun, 'run' | 'fence' | 'handler'>,
): Promise<void> {
  await transactions.run(PLAN, async (query) => {
    const [row] = await query<LockedRun>(LOCK_RUNS, [listOf('bigint', [run])])
    if (row?.fence === fence) await endRun(query, row, handler, CUT)
  })
  leases.runs.drop(run)
}

/** All that is open ends in the same way. */
export async function endRun(
  query: Query,
  run: LockedRun,
  handler: string,
  outcome: FailedEvent['outcome'],
): Promise<void> {
  const next = advanceRun(run, endsOfAll(run, outcome), 0)
  await writeRuns(query, [{ ...next.run, isOver: true, isGivenBack: false }])
  await insertJobs(query, next.failed.map(jobOf(run, handler)))
}

const jobOf =
  ({ opened }: LockedRun, handler: string) =>
  (failed: FailedEvent): NewJob => ({ ...failed, handler, attempt: opened })

async function recordProgress(
  query: Query,
  progress: readonly RunProgress[],
  held: Pick<Holdings, 'drop'>,
): Promise<number> {
  if (progress.length === 0) return 0
  const numbers = [...new Set(progress.map(({ run }) => run))]
  const rows = await query<LockedRun>(LOCK_RUNS, [listOf('bigint', numbers)])
  const runs = new Map<number, LockedRun>(rows.map((row) => [row.id, row]))
  const changed = new Map<number, ChangedRun>()
  const failed: NewJob[] = []
  const done = new Map<string, number>()
  let refused = 0
  for (const one of progress) {
    const run = runs.get(one.run)
    if (!run || run.fence !== one.fence) {
      refused += one.done.length + one.failed.length
      held.drop(one.run)
      continue
    }
    const next = advanceRun(run, one, run.since ?? 0)
    runs.set(one.run, next.run)
    const isGivenBack = one.isGivenBack || changed.get(one.run)?.isGivenBack === true
    changed.set(one.run, { ...next.run, isOver: isGivenBack || next.run.open === 0, isGivenBack })
    const name = `done:${one.handler}`
    done.set(name, (done.get(name) ?? 0) + next.done)
    failed.push(...next.failed.map(jobOf(run, one.handler)))
  }
  await Promise.all([
    writeRuns(query, [...changed.values()]),
    insertJobs(query, failed),
    addToCounters(query, done),
  ])
  for (const { id, isOver } of changed.values()) if (isOver) held.drop(id)
  return refused
}

async function writeRuns(query: Query, runs: readonly ChangedRun[]): Promise<void> {
  if (runs.length > 0) await query(UPDATE_RUNS, CHANGED.lists(runs))
}
