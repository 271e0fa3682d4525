import { shareAnswer } from '../../share-answer.ts'
import { batchOf, eventIdOf } from '../event-id.ts'
import { groupBy } from '../group-by.ts'
import type { StoreStats } from '../reading.ts'
import { bitOf, type RunBits } from '../run-bits.ts'
import { addUp, type HandlerCount } from './add-up.ts'
import { isAmong, type Reading, sql, sqlBatchOf } from './port.ts'

const COUNTERS = 'SELECT name, CAST(sum(n) AS BIGINT) AS n FROM counters GROUP BY name'

const OPEN_BATCHES = 'SELECT count(*) AS n, min(seq) AS oldest FROM batches WHERE is_open = 1'

const OPEN_RUNS = `
  SELECT handler, CAST(sum(open) AS BIGINT) AS n, min(batch) AS oldest, max(batch) AS newest
  FROM runs WHERE open > 0 GROUP BY handler`

const PENDING_JOBS = `
  SELECT handler, count(*) AS n, count(*) FILTER (WHERE attempt > 0) AS retrying,
    min(event) AS oldest, max(event) AS newest
  FROM jobs WHERE state = 'pending' GROUP BY handler`

const DEAD_JOBS = `SELECT handler, count(*) AS n FROM jobs WHERE state = 'dead' GROUP BY handler`

/** By batches for runs, by events for jobs. */
interface PendingCount extends HandlerCount {
  readonly oldest: number
  readonly newest: number
}

/** Totals for people. Counts the backlog, which is short in good times, and reads the rest. */
export async function countStats(reading: Reading): Promise<StoreStats> {
  const { query, now } = reading
  const counterRows = await query<{ name: string; n: number }>(COUNTERS)
  const counters = new Map(counterRows.map(({ name, n }) => [name, n]))
  const [batches] = await query<{ n: number; oldest: number | null }>(OPEN_BATCHES)
  const runs = await query<PendingCount>(OPEN_RUNS)
  const jobs = await query<PendingCount & { retrying: number }>(PENDING_JOBS)
  const deadJobs = await query<HandlerCount>(DEAD_JOBS)
  const waiting = batches?.n ?? 0
  // Where replicas share the store, a batch is counted when it is unpacked.
  const received = (counters.get('batches') ?? 0) + (reading.engine === 'postgres' ? waiting : 0)
  const oldest = [
    ...(batches?.oldest == null ? [] : [batches.oldest]),
    ...runs.map((one) => one.oldest),
    ...jobs.map((one) => batchOf(one.oldest)),
  ]
  const times = await readReceiptTimes(reading, oldest)
  return addUp(
    {
      counters,
      batches: { received, waiting },
      pendingJobs: [...runs, ...jobs],
      retryingJobs: jobs.map(({ handler, retrying }) => ({ handler, n: retrying })),
      deadJobs,
      pendingEvents: await countPendingEvents(reading, { runs, jobs }),
      deadEvents:
        deadJobs.length === 0
          ? 0
          : await countDeadEvents(reading, await findWithOpenRun(reading, 'dead', runs)),
      waitingSince: [...times.values()],
      oldestWaitingAt: batches?.oldest == null ? undefined : times.get(batches.oldest),
      oldestUntriedAt: new Map(runs.map((one) => [one.handler, times.get(one.oldest)])),
    },
    now(),
  )
}

async function readReceiptTimes(
  reading: Reading,
  batches: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const rows = await reading.query<{ seq: number; at: number }>(
    sql`SELECT seq, received_at AS at FROM batches WHERE ${isAmong(reading, 'seq', batches)}`,
  )
  return new Map(rows.map(({ seq, at }) => [seq, at]))
}

/**
 * With the plus sign no order of events leads: SQLite would walk over all jobs, because that order
 * makes it easy to count.
 */
const COUNT_PENDING = `SELECT count(DISTINCT +event) AS n FROM jobs WHERE state = 'pending'`

/** Every event once, although several handlers may have it to run. */
async function countPendingEvents(
  reading: Reading,
  { runs, jobs }: Readonly<Record<'runs' | 'jobs', readonly PendingCount[]>>,
): Promise<number> {
  const [first, ...others] = runs
  const inRuns = others.length > 0 ? await countOpenEvents(reading) : (first?.n ?? 0)
  if (jobs.length === 0) return inRuns
  const [inJobs] = await reading.query<{ n: number }>(COUNT_PENDING)
  const inBoth = await findWithOpenRun(reading, 'pending', runs)
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

async function countOpenEvents({ query }: Reading): Promise<number> {
  const rows = await query<PartRow>(OPEN_PARTS)
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
async function countDeadEvents({ query }: Reading, pendingInRuns: readonly number[]) {
  const [dead] = await query<{ n: number }>(COUNT_DEAD)
  const both = await query<{ event: number }>(DEAD_AND_PENDING)
  const pending = new Set([...pendingInRuns, ...both.map(({ event }) => event)])
  return (dead?.n ?? 0) - pending.size
}

const BATCHES_AT_ONCE = 1_000

/** Events with a job row in this state that are open in a run as well, for another handler. */
async function findWithOpenRun(
  reading: Reading,
  state: 'pending' | 'dead',
  runs: readonly PendingCount[],
): Promise<number[]> {
  if (runs.length === 0) return []
  const first = eventIdOf(Math.min(...runs.map(({ oldest }) => oldest)), 0)
  const end = eventIdOf(Math.max(...runs.map(({ newest }) => newest)) + 1, 0)
  // Only the dead have an index in the order of their events.
  const column = state === 'dead' ? 'event' : '+event'
  const rows = await reading.query<{ event: number }>(
    `SELECT DISTINCT ${column} AS event FROM jobs
     WHERE state = '${state}' AND ${column} >= ? AND ${column} < ?
       AND ${sqlBatchOf('event')} IN (SELECT batch FROM runs WHERE open > 0)`,
    [first, end],
  )
  const events = groupBy(
    rows.map(({ event }) => event),
    batchOf,
  )
  const batches = [...events.keys()]
  const found = new Set<number>()
  for (let at = 0; at < batches.length; at += BATCHES_AT_ONCE) {
    const isIt = isAmong(reading, 'batch', batches.slice(at, at + BATCHES_AT_ONCE))
    const open = await reading.query<RunBits & { batch: number }>(
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

/** Jobs pending or dead; to count more of them takes long enough to be felt. */
const LONG_BACKLOG = 100_000
/** Figures of a long backlog are told again for so many times as long as counting took, */
const REST_FACTOR = 10
/** but at most for so long. */
const LONGEST_REST_MS = 30_000

/**
 * A store's figures for all who ask for them again and again: pages that refresh themselves,
 * Prometheus. Nobody counts what is being counted, and a long backlog takes at most a tenth of the
 * store's reader. `elapsedMs` is a monotonic clock.
 */
export function rememberStats(
  read: () => Promise<StoreStats>,
  elapsedMs: () => number,
): () => Promise<StoreStats> {
  let known: { readonly stats: StoreStats; readonly until: number } | undefined

  const count = shareAnswer(async () => {
    const begunAt = elapsedMs()
    const stats = await read()
    const tookMs = elapsedMs() - begunAt
    const restMs = Math.min(REST_FACTOR * tookMs, LONGEST_REST_MS)
    known = isLong(stats) ? { stats, until: elapsedMs() + restMs } : undefined
    return stats
  })

  return async () => (known && elapsedMs() < known.until ? known.stats : await count())
}

function isLong({ jobs }: StoreStats): boolean {
  const open = Object.values(jobs).map(({ pending, dead }) => pending + dead)
  return open.reduce((sum, n) => sum + n, 0) > LONG_BACKLOG
}
