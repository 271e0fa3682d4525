import type { StoreStats } from '../store.ts'
import { addUp } from '../totals.ts'
import type { Database } from './driver.ts'

interface PendingRow {
  readonly handler: string
  readonly n: number
  readonly oldest: number
  readonly newest: number
}

/** Totals for people. Counts the backlog, which is short in good times, and reads the rest. */
export function createStats(db: Database, now: () => number) {
  const selectCounters = db.prepare('SELECT name, n FROM counters')
  const countOpenBatches = db.prepare(
    'SELECT count(*) AS n, min(seq) AS oldest FROM batches WHERE body IS NOT NULL',
  )
  const countPending = db.prepare(
    `SELECT handler, count(*) AS n, min(event_id) AS oldest, max(event_id) AS newest FROM jobs
     WHERE state = 'pending' GROUP BY handler`,
  )
  const countDead = db.prepare(
    `SELECT handler, count(*) AS n FROM jobs WHERE state = 'dead' GROUP BY handler`,
  )
  // Left to itself, SQLite would walk over all jobs, because that order makes it easy to count.
  const countPendingEvents = db.prepare(
    `SELECT count(DISTINCT event_id) AS n FROM jobs INDEXED BY jobs_due WHERE state = 'pending'`,
  )
  const countDeadEvents = db.prepare(
    `SELECT count(DISTINCT event_id) AS n FROM jobs WHERE state = 'dead'`,
  )
  // Only between the oldest and the newest pending event: to look for one is dear.
  const countBoth = db.prepare(
    `SELECT count(DISTINCT event_id) AS n FROM jobs d
     WHERE state = 'dead' AND event_id BETWEEN ? AND ?
       AND EXISTS (SELECT 1 FROM jobs p WHERE p.event_id = d.event_id AND p.state = 'pending')`,
  )
  const selectBatchTime = db.prepare('SELECT received_at AS at FROM batches WHERE seq = ?')
  const selectEventTime = db.prepare('SELECT received_at AS at FROM events WHERE id = ?')

  function stats(): StoreStats {
    const counterRows = selectCounters.all() as { name: string; n: number }[]
    const counters = new Map(counterRows.map(({ name, n }) => [name, n]))
    const open = countOpenBatches.get() as { n: number; oldest: number | null }
    const pendingJobs = countPending.all() as PendingRow[]
    const oldestEvent = Math.min(...pendingJobs.map(({ oldest }) => oldest))
    const newestEvent = Math.max(...pendingJobs.map(({ newest }) => newest))
    const countOf = (row: unknown) => (row as { n: number }).n
    const both = pendingJobs.length === 0 ? 0 : countOf(countBoth.get(oldestEvent, newestEvent))
    const times = [
      open.oldest === null ? undefined : selectBatchTime.get(open.oldest),
      pendingJobs.length === 0 ? undefined : selectEventTime.get(oldestEvent),
    ] as ({ at: number } | undefined)[]
    return addUp(
      {
        counters,
        batches: { received: counters.get('batches') ?? 0, waiting: open.n },
        pendingJobs,
        deadJobs: countDead.all() as { handler: string; n: number }[],
        pendingEvents: countOf(countPendingEvents.get()),
        deadEvents: countOf(countDeadEvents.get()) - both,
        waitingSince: times.flatMap((row) => (row ? [row.at] : [])),
      },
      now(),
    )
  }

  /** One snapshot: the sums must fit together. */
  function inOneSnapshot(): StoreStats {
    db.exec('BEGIN')
    try {
      return stats()
    } finally {
      db.exec('COMMIT')
    }
  }

  return { stats: inOneSnapshot }
}
