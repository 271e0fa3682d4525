import type { StoreStats } from '../store.ts'
import { addUp } from '../totals.ts'
import type { Query } from './transactions.ts'

const COUNT_BATCHES = `
  SELECT count(*) AS n, (SELECT received_at FROM batches WHERE seq = min(open.seq)) AS since
  FROM batches open WHERE body IS NOT NULL`

const COUNT_PENDING = `
  SELECT handler, count(*) AS n, min(event_id) AS oldest, max(event_id) AS newest FROM jobs
  WHERE state = 'pending' GROUP BY handler`

const COUNT_DEAD = `SELECT handler, count(*) AS n FROM jobs WHERE state = 'dead' GROUP BY handler`

/** An event with jobs of both kinds lies between the oldest and the newest pending one. */
const COUNT_EVENTS = `
  SELECT
    (SELECT count(DISTINCT event_id) FROM jobs WHERE state = 'pending') AS pending,
    (SELECT count(DISTINCT event_id) FROM jobs WHERE state = 'dead') AS dead,
    (SELECT count(DISTINCT event_id) FROM jobs d
      WHERE state = 'dead' AND event_id BETWEEN $1 AND $2 AND EXISTS
        (SELECT 1 FROM jobs p WHERE p.event_id = d.event_id AND p.state = 'pending')) AS both`

interface PendingRow {
  handler: string
  n: number
  oldest: number
  newest: number
}

/** Totals for people, of one snapshot. Counts the backlog, which is short in good times. */
export async function readStats(query: Query, now: number): Promise<StoreStats> {
  const rows = await query<{ name: string; n: number }>(
    'SELECT name, sum(n)::bigint AS n FROM counters GROUP BY name',
  )
  const counters = new Map(rows.map(({ name, n }) => [name, n]))
  const [open] = await query<{ n: number; since: number | null }>(COUNT_BATCHES)
  const pendingJobs = await query<PendingRow>(COUNT_PENDING)
  const deadJobs = await query<{ handler: string; n: number }>(COUNT_DEAD)
  const [events] = await query<{ pending: number; dead: number; both: number }>(COUNT_EVENTS, [
    Math.min(Number.MAX_SAFE_INTEGER, ...pendingJobs.map((row) => row.oldest)),
    Math.max(0, ...pendingJobs.map((row) => row.newest)),
  ])
  const oldest = await query<{ at: number }>(
    'SELECT received_at AS at FROM events WHERE id = ANY($1::bigint[])',
    [pendingJobs.map((row) => row.oldest)],
  )
  const waiting = open?.n ?? 0
  const waitingSince = [open?.since, ...oldest.map(({ at }) => at)]
  // A batch is counted when it is closed: counting it earlier would slow its acknowledgement.
  const received = (counters.get('batches') ?? 0) + waiting
  return addUp(
    {
      counters,
      batches: { received, waiting },
      pendingJobs,
      deadJobs,
      pendingEvents: events?.pending ?? 0,
      deadEvents: events ? events.dead - events.both : 0,
      waitingSince: waitingSince.filter((at) => typeof at === 'number'),
    },
    now,
  )
}
