import type { StoreStats } from '../store.ts'
import { addUp } from '../totals.ts'
import type { Database } from './driver.ts'

/** Totals for people. Counts the backlog, which is short in good times, and reads the rest. */
export function createStats(db: Database, now: () => number) {
  const selectCounters = db.prepare('SELECT name, n FROM counters')
  const countOpenBatches = db.prepare(
    'SELECT count(*) AS n, min(seq) AS oldest FROM batches WHERE body IS NOT NULL',
  )
  const countPending = db.prepare(
    `SELECT handler, count(*) AS n, min(event_id) AS oldest FROM jobs WHERE state = 'pending' GROUP BY handler`,
  )
  const countDead = db.prepare(
    `SELECT handler, count(*) AS n FROM jobs WHERE state = 'dead' GROUP BY handler`,
  )
  // Left to itself, SQLite would walk over all jobs, because that order makes it easy to count.
  const countPendingEvents = db.prepare(
    `SELECT count(DISTINCT event_id) AS n FROM jobs INDEXED BY jobs_due WHERE state = 'pending'`,
  )
  const countDeadEvents = db.prepare(
    `SELECT count(DISTINCT event_id) AS n FROM jobs d WHERE state = 'dead'
       AND NOT EXISTS (SELECT 1 FROM jobs p WHERE p.event_id = d.event_id AND p.state = 'pending')`,
  )
  const selectBatchTime = db.prepare('SELECT received_at AS at FROM batches WHERE seq = ?')
  const selectEventTime = db.prepare('SELECT received_at AS at FROM events WHERE id = ?')

  function stats(): StoreStats {
    const counterRows = selectCounters.all() as { name: string; n: number }[]
    const counters = new Map(counterRows.map(({ name, n }) => [name, n]))
    const open = countOpenBatches.get() as { n: number; oldest: number | null }
    const pendingJobs = countPending.all() as { handler: string; n: number; oldest: number }[]
    const oldestEvent = Math.min(...pendingJobs.map(({ oldest }) => oldest))
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
        pendingEvents: (countPendingEvents.get() as { n: number }).n,
        deadEvents: (countDeadEvents.get() as { n: number }).n,
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
