import { batchOf, eventIdOf } from '../event-id.ts'
import { groupBy } from '../group-by.ts'
import { bitOf, type RunBits } from '../run-bits.ts'
import { isAmong, query, raw, type Steps, sql, sqlBatchOf } from '../steps.ts'
import type { Reading } from './port.ts'

/** What is pending of a handler: by batches for runs, by events for jobs. */
export interface PendingCount {
  readonly handler: string
  readonly n: number
  readonly oldest: number
  readonly newest: number
}

/**
 * With the plus sign no order of events leads: SQLite would walk over all jobs, because that order
 * makes it easy to count.
 */
const COUNT_PENDING = `SELECT count(DISTINCT +event) AS n FROM jobs WHERE state = 'pending'`

/** Every event once, although several handlers may have it to run. */
export function* countPendingEvents(
  reading: Reading,
  { runs, jobs }: Readonly<Record<'runs' | 'jobs', readonly PendingCount[]>>,
): Steps<number> {
  const [first, ...others] = runs
  const inRuns = others.length > 0 ? yield* countOpenEvents() : (first?.n ?? 0)
  if (jobs.length === 0) return inRuns
  const [inJobs] = yield* query<{ n: number }>(COUNT_PENDING)
  const inBoth = yield* findWithOpenRun(reading, 'pending', runs)
  return inRuns + (inJobs?.n ?? 0) - inBoth.length
}

/**
 * Runs of one page that are alike have the same events; where all open runs of a batch are, the
 * database counts, and a million batches of one event are no million rows here. The plus sign has it
 * walk over open runs only, as no index has that order.
 */
const OPEN_PARTS = `
  WITH parts AS MATERIALIZED (
    SELECT +batch AS batch, base, wanted, done, failed, max(open) AS open FROM runs WHERE open > 0
    GROUP BY 1, base, wanted, done, failed
  ), by_batch AS MATERIALIZED (
    SELECT batch, count(*) AS parts, sum(open) AS open FROM parts GROUP BY batch
  )
  SELECT batch, base, wanted, done, failed, 0 AS n FROM parts
  WHERE batch IN (SELECT batch FROM by_batch WHERE parts > 1)
  UNION ALL
  SELECT 0, 0, NULL, NULL, NULL, CAST(coalesce(sum(open), 0) AS BIGINT) FROM by_batch WHERE parts = 1`

type PartRow = RunBits & { readonly batch: number; readonly n: number }

function* countOpenEvents(): Steps<number> {
  const rows = yield* query<PartRow>(OPEN_PARTS)
  const parts = groupBy(
    rows.filter(({ batch }) => batch > 0),
    ({ batch }) => batch,
  )
  const counted = rows.reduce((sum, { n }) => sum + n, 0)
  return [...parts.values()].reduce((sum, runs) => sum + countUnion(runs), counted)
}

/** How many events are open in any of the runs of one batch. */
function countUnion(runs: readonly RunBits[]): number {
  const first = Math.min(...runs.map(({ base }) => base))
  const end = Math.max(...runs.map(({ base, wanted }) => base + wanted.length * 8))
  const seen = new Uint8Array(end - first)
  let count = 0
  for (const { base, wanted, done, failed } of runs) {
    for (let byte = 0; byte < wanted.length; byte++) {
      const ended = (done?.[byte] ?? 0) | (failed?.[byte] ?? 0)
      let open = (wanted[byte] as number) & ~ended
      for (let at = base - first + byte * 8; open > 0; at++, open >>= 1) {
        if ((open & 1) === 0 || seen[at] === 1) continue
        seen[at] = 1
        count++
      }
    }
  }
  return count
}

const COUNT_DEAD = `SELECT count(DISTINCT event) AS n FROM jobs WHERE state = 'dead'`

const DEAD_AND_PENDING = `
  SELECT DISTINCT +event AS event FROM jobs p WHERE state = 'pending'
    AND EXISTS (SELECT 1 FROM jobs d WHERE d.state = 'dead' AND d.event = p.event)`

/** The dead of which nothing is pending. */
export function* countDeadEvents(reading: Reading, runs: readonly PendingCount[]): Steps<number> {
  const [dead] = yield* query<{ n: number }>(COUNT_DEAD)
  const both = yield* query<{ event: number }>(DEAD_AND_PENDING)
  const inRuns = yield* findWithOpenRun(reading, 'dead', runs)
  const pending = new Set([...inRuns, ...both.map(({ event }) => event)])
  return (dead?.n ?? 0) - pending.size
}

const BATCHES_AT_ONCE = 1_000

/** Events with a job row in this state that are open in a run as well, for another handler. */
function* findWithOpenRun(
  reading: Reading,
  state: 'pending' | 'dead',
  runs: readonly PendingCount[],
): Steps<number[]> {
  if (runs.length === 0) return []
  const first = eventIdOf(Math.min(...runs.map(({ oldest }) => oldest)), 0)
  const end = eventIdOf(Math.max(...runs.map(({ newest }) => newest)) + 1, 0)
  // Only the dead have an index in the order of their events.
  const column = state === 'dead' ? 'event' : '+event'
  const rows = yield* query<{ event: number }>(
    sql`SELECT DISTINCT ${raw(column)} AS event FROM jobs
     WHERE state = '${raw(state)}' AND ${raw(column)} >= ${first} AND ${raw(column)} < ${end}
       AND ${raw(sqlBatchOf('event'))} IN (SELECT batch FROM runs WHERE open > 0)`,
  )
  const events = groupBy(
    rows.map(({ event }) => event),
    batchOf,
  )
  const batches = [...events.keys()]
  const found = new Set<number>()
  for (let at = 0; at < batches.length; at += BATCHES_AT_ONCE) {
    const isIt = isAmong(reading, 'batch', batches.slice(at, at + BATCHES_AT_ONCE))
    const open = yield* query<RunBits & { batch: number }>(
      sql`SELECT batch, base, wanted, done, failed FROM runs WHERE open > 0 AND ${isIt}`,
    )
    for (const run of open) {
      for (const event of events.get(run.batch) ?? []) {
        if (bitOf(run, event) === 'open') found.add(event)
      }
    }
  }
  return [...found]
}
