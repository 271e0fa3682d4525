import type { JobState } from '../../model.ts'
import { shareAnswer } from '../../share-answer.ts'
import { batchOf } from '../event-id.ts'
import type { JobCounts, StoreStats } from '../reading.ts'
import { isAmong, query, type Steps, sql } from '../steps.ts'
import { countDeadEvents, countPendingEvents, type PendingCount } from './pending-events.ts'
import type { Reading } from './port.ts'

const COUNTERS = 'SELECT name, CAST(sum(n) AS BIGINT) AS n FROM counters GROUP BY name'

const OPEN_BATCHES = 'SELECT count(*) AS n, min(seq) AS oldest FROM batches WHERE is_open = 1'

const OPEN_RUNS = `
  SELECT handler, CAST(sum(open) AS BIGINT) AS n, min(batch) AS oldest, max(batch) AS newest
  FROM runs WHERE open > 0 GROUP BY handler`

const PENDING_JOBS = `
  SELECT handler, count(*) AS n, min(event) AS oldest, max(event) AS newest
  FROM jobs WHERE state = 'pending' GROUP BY handler`

/** Few, and in an index of their own: to look at `attempt` of all that is pending took 1 µs a job. */
const UNTRIED_JOBS = `
  SELECT handler, count(*) AS n FROM jobs WHERE state = 'pending' AND attempt = 0 GROUP BY handler`

const DEAD_JOBS = `SELECT handler, count(*) AS n FROM jobs WHERE state = 'dead' GROUP BY handler`

interface Counted {
  readonly n: number
}
interface HandlerCount extends Counted {
  readonly handler: string
}

/** Totals for people. Counts the backlog, which is short in good times, and reads the rest. */
export function* countStats(reading: Reading): Steps<StoreStats> {
  const { now } = reading
  const counters = readCounters(yield* query<Counter>(COUNTERS))
  const [batches] = yield* query<Counted & { oldest: number | null }>(OPEN_BATCHES)
  const runs = yield* query<PendingCount>(OPEN_RUNS)
  const jobs = yield* query<PendingCount>(PENDING_JOBS)
  const untried = yield* query<HandlerCount>(UNTRIED_JOBS)
  const dead = yield* query<HandlerCount>(DEAD_JOBS)
  const waiting = batches?.n ?? 0
  const oldestWaiting = batches?.oldest ?? undefined
  const times = yield* readReceiptTimes(reading, [
    ...(oldestWaiting === undefined ? [] : [oldestWaiting]),
    ...runs.map(({ oldest }) => oldest),
    ...jobs.map(({ oldest }) => batchOf(oldest)),
  ])
  const countedAt = now()
  return {
    countedAt,
    // Where replicas share the store, a batch is counted when it is unpacked.
    batches: {
      received: counters.of('batches') + (reading.engine === 'postgres' ? waiting : 0),
      waiting,
    },
    events: countByState(counters, {
      pending: yield* countPendingEvents(reading, { runs, jobs }),
      dead: dead.length === 0 ? 0 : yield* countDeadEvents(reading, runs),
    }),
    duplicates: counters.of('duplicates'),
    quarantined: counters.of('quarantined'),
    jobs: countJobs(counters, [...runs, ...jobs], dead),
    retrying: countRetrying(jobs, untried),
    backlog: [...runs, ...jobs].reduce((sum, { n }) => sum + n, waiting),
    oldestPendingMs: Math.max(0, ...[...times.values()].map((at) => countedAt - at)),
    oldestWaitingAt: oldestWaiting && times.get(oldestWaiting),
    oldestUntriedAt: Object.fromEntries(
      runs.flatMap(({ handler, oldest }) => {
        const at = times.get(oldest)
        return at === undefined ? [] : [[handler, at]]
      }),
    ),
  }
}

function* readReceiptTimes(
  reading: Reading,
  batches: readonly number[],
): Steps<ReadonlyMap<number, number>> {
  const rows = yield* query<{ seq: number; at: number }>(
    sql`SELECT seq, received_at AS at FROM batches WHERE ${isAmong(reading, 'seq', batches)}`,
  )
  return new Map(rows.map(({ seq, at }) => [seq, at]))
}

interface Counter extends Counted {
  readonly name: string
}
type Counters = ReturnType<typeof readCounters>

/** What was counted beside the rows; a name that is missing is 0. */
function readCounters(rows: readonly Counter[]) {
  const counters = new Map(rows.map(({ name, n }) => [name, n]))
  return {
    of: (name: string) => counters.get(name) ?? 0,
    /** Those above 0 whose names begin so, by the rest of their names. */
    startingWith: (prefix: string) =>
      [...counters].flatMap(([name, n]): [string, number][] =>
        name.startsWith(prefix) && n > 0 ? [[name.slice(prefix.length), n]] : [],
      ),
  }
}

function countByState(
  counters: Counters,
  { pending, dead }: Readonly<Record<'pending' | 'dead', number>>,
): StoreStats['events'] {
  const total = counters.of('events')
  const [unhandled, conflict] = [counters.of('unhandled'), counters.of('conflict')]
  const stale = counters.of('stale')
  const done = Math.max(0, total - pending - dead - unhandled - conflict - stale)
  return {
    total,
    byState: { pending, done, dead, unhandled, conflict, stale },
    byType: Object.fromEntries(counters.startingWith('type:')),
  }
}

function countJobs(
  counters: Counters,
  pending: readonly HandlerCount[],
  dead: readonly HandlerCount[],
): StoreStats['jobs'] {
  // A handler may be called `constructor`, which every plain object seems to have.
  const jobs = new Map<string, JobCounts>()
  const count = (handler: string, state: JobState, n: number) => {
    const known = jobs.get(handler) ?? { pending: 0, done: 0, dead: 0 }
    jobs.set(handler, { ...known, [state]: n + (known[state] ?? 0) })
  }
  for (const state of ['done', 'discarded'] as const) {
    for (const [handler, n] of counters.startingWith(`${state}:`)) count(handler, state, n)
  }
  for (const { handler, n } of pending) count(handler, 'pending', n)
  for (const { handler, n } of dead) count(handler, 'dead', n)
  return Object.fromEntries(jobs)
}

function countRetrying(
  pending: readonly HandlerCount[],
  untried: readonly HandlerCount[],
): StoreStats['retrying'] {
  const without = new Map(untried.map(({ handler, n }) => [handler, n]))
  const retrying = pending.map(({ handler, n }) => [handler, n - (without.get(handler) ?? 0)])
  return Object.fromEntries(retrying.filter(([, n]) => n !== 0))
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
