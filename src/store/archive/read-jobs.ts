import type { EventState, JobState } from '../../model.ts'
import { readDiscard, readRecord } from '../claimed-rows.ts'
import { batchOf } from '../event-id.ts'
import { groupBy } from '../group-by.ts'
import { bitOf, isSet, RUN_SPAN, type RunBits, timingOf } from '../run-bits.ts'
import { isAmong, query, raw, type Steps, sql } from '../steps.ts'
import type { AttemptRow, JobRow, Verdict } from '../store.ts'
import type { Reading } from './port.ts'

interface JobSqlRow {
  readonly event: number
  readonly handler: string
  readonly state: JobState
  readonly attempt: number
  readonly due_at: number | null
  readonly ended_at: number | null
  readonly duration_ms: number | null
  /** A line for each attempt but the one by which the job is done; successes are from before replays. */
  readonly failures: string | null
}

interface RunSqlRow extends RunBits {
  readonly batch: number
  readonly handler: string
  readonly opened: number
  readonly opened_at: number | null
  readonly timings: Uint8Array | null
}

/** What of these rows tells a state. */
type StatedJob = Pick<JobSqlRow, 'event' | 'handler' | 'state'>
type StatedRun = Pick<RunSqlRow, 'batch' | 'handler' | keyof RunBits>

const JOB_STATE = 'event, handler, state'
const JOB_COLUMNS = `${JOB_STATE}, attempt, due_at, ended_at, duration_ms, failures`
const RUN_STATE = 'batch, handler, base, wanted, done, failed'
const RUN_COLUMNS = `${RUN_STATE}, opened, opened_at, timings`

/** The states of these events. */
export function* readStates(
  reading: Reading,
  events: readonly { readonly id: number; readonly verdict: Verdict }[],
): Steps<Map<number, EventState>> {
  const dispatched = events.filter(({ verdict }) => verdict === 'dispatched')
  const ids = dispatched.map(({ id }) => id)
  const columns = { jobs: JOB_STATE, runs: RUN_STATE }
  const rows = yield* readRows<StatedJob, StatedRun>(reading, ids, columns)
  return new Map(
    events.map(({ id, verdict }) => [id, tellEvent(verdict, tellJobs(id, rows(id)).values())]),
  )
}

/** The jobs of these events, in the order of the handlers' names. */
export function* readJobs(
  reading: Reading,
  events: readonly number[],
): Steps<Map<number, JobRow[]>> {
  const columns = { jobs: JOB_COLUMNS, runs: RUN_COLUMNS }
  const rows = yield* readRows<JobSqlRow, RunSqlRow>(reading, events, columns)
  return new Map(
    events.map((event) => {
      const found = rows(event)
      const told = [...tellJobs(event, found)].sort(([one], [other]) => (one < other ? -1 : 1))
      const jobs = told.map(([handler, one]) =>
        makeJob({ event, handler }, one, successesOf(event, handler, found.runs)),
      )
      return [event, jobs]
    }),
  )
}

/** The rows that tell of an event: its jobs, and the runs of its batch, newest first. */
function* readRows<Job extends StatedJob, Run extends StatedRun>(
  reading: Reading,
  events: readonly number[],
  columns: { readonly jobs: string; readonly runs: string },
): Steps<(event: number) => { readonly jobs: readonly Job[]; readonly runs: readonly Run[] }> {
  if (events.length === 0) return () => ({ jobs: [], runs: [] })
  const jobs = yield* query<Job>(
    sql`SELECT ${raw(columns.jobs)} FROM jobs WHERE ${isAmong(reading, 'event', events)}`,
  )
  const oldest = events.reduce((min, event) => Math.min(min, event), Number.MAX_SAFE_INTEGER)
  const newest = events.reduce((max, event) => Math.max(max, event), 0)
  // A batch may have hundreds of runs, of which one page of events needs a few.
  const isOfBatch = isAmong(reading, 'batch', [...new Set(events.map(batchOf))])
  const runs = yield* query<Run>(
    sql`SELECT ${raw(columns.runs)} FROM runs
        WHERE ${isOfBatch} AND base > ${oldest - RUN_SPAN} AND base <= ${newest} ORDER BY id DESC`,
  )
  const jobsOf = groupBy(jobs, ({ event }) => event)
  const runsOf = groupBy(runs, ({ batch }) => batch)
  return (event) => ({ jobs: jobsOf.get(event) ?? [], runs: runsOf.get(batchOf(event)) ?? [] })
}

/** The successes that runs tell of, also of runs before a replay. */
function successesOf(event: number, handler: string, runs: readonly RunSqlRow[]): AttemptRow[] {
  return runs.flatMap((run): AttemptRow[] => {
    const index = event - run.base
    const isInside = index >= 0 && index < run.wanted.length * 8
    if (run.handler !== handler || !isInside || !isSet(run.done, index)) return []
    const { endedAfterMs, durationMs } = timingOf(run.timings, index)
    const endedAt = (run.opened_at ?? 0) + endedAfterMs
    return [
      { attempt: Math.max(1, run.opened), outcome: 'done', endedAt, durationMs, error: undefined },
    ]
  })
}

function makeJob(
  { event, handler }: { readonly event: number; readonly handler: string },
  { state, job, run }: ToldJob<JobSqlRow, RunSqlRow>,
  successes: readonly AttemptRow[],
): JobRow {
  const record = job ? readRecord(job.failures ?? '') : []
  const attempts = [...record, ...successes, ...(job ? lastSuccess(job) : [])]
  return {
    event: String(event),
    handler,
    state,
    attempt: job ? job.attempt : Math.max(run?.opened ?? 0, state === 'done' ? 1 : 0),
    dueAt: job?.due_at ?? undefined,
    // An error from before a success is over.
    lastError: record.at(-1)?.error,
    attempts: attempts.sort((one, other) => one.endedAt - other.endedAt),
    ...(state === 'discarded' && { discarded: readDiscard(job?.failures ?? '') }),
  }
}

function lastSuccess({ state, attempt, ended_at, duration_ms }: JobSqlRow): AttemptRow[] {
  if (state !== 'done' || ended_at === null || duration_ms === null) return []
  const times = { endedAt: ended_at, durationMs: duration_ms }
  return [{ attempt, outcome: 'done', ...times, error: undefined }]
}

/** The state of an event for one handler, and what tells it. */
interface ToldJob<Job, Run> {
  readonly state: JobState
  readonly job?: Job
  readonly run?: Run
}

/**
 * By handler: the event's job row alone tells its state; without one, the newest run that has the
 * event does. `runs` come newest first.
 */
function tellJobs<Job extends StatedJob, Run extends StatedRun>(
  event: number,
  { jobs, runs }: { readonly jobs: readonly Job[]; readonly runs: readonly Run[] },
): Map<string, ToldJob<Job, Run>> {
  const told = new Map<string, ToldJob<Job, Run>>()
  for (const job of jobs) told.set(job.handler, { state: job.state, job })
  for (const run of runs) {
    const bit = bitOf(run, event)
    if (bit === undefined || told.has(run.handler)) continue
    told.set(run.handler, { state: STATE_OF_BIT[bit], run })
  }
  return told
}

/** Of what failed only a dead job's row is ever removed by itself. */
const STATE_OF_BIT = { open: 'pending', done: 'done', failed: 'dead' } as const

/** The state of an event, of its verdict and the states of its jobs. */
function tellEvent(verdict: Verdict, jobs: Iterable<{ readonly state: JobState }>): EventState {
  if (verdict !== 'dispatched') return verdict
  const states = new Set([...jobs].map(({ state }) => state))
  if (states.has('pending')) return 'pending'
  return states.has('dead') ? 'dead' : 'done'
}
