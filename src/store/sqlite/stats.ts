import type { JobState } from '../../model.ts'
import type { StoreStats } from '../store.ts'
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
  const countPendingEvents = db.prepare(
    `SELECT count(DISTINCT event_id) AS n FROM jobs WHERE state = 'pending'`,
  )
  const countDeadEvents = db.prepare(
    `SELECT count(DISTINCT event_id) AS n FROM jobs d WHERE state = 'dead'
       AND NOT EXISTS (SELECT 1 FROM jobs p WHERE p.event_id = d.event_id AND p.state = 'pending')`,
  )
  const selectBatchTime = db.prepare('SELECT received_at AS at FROM batches WHERE seq = ?')
  const selectEventTime = db.prepare('SELECT received_at AS at FROM events WHERE id = ?')

  function readCounters(
    prefix: string,
    counters: ReadonlyMap<string, number>,
  ): Record<string, number> {
    const found = [...counters].filter(([name, n]) => name.startsWith(prefix) && n > 0)
    return Object.fromEntries(found.map(([name, n]) => [name.slice(prefix.length), n]))
  }

  function stats(): StoreStats {
    const counterRows = selectCounters.all() as { name: string; n: number }[]
    const counters = new Map(counterRows.map(({ name, n }) => [name, n]))
    const count = (name: string) => counters.get(name) ?? 0
    const open = countOpenBatches.get() as { n: number; oldest: number | null }
    const pendingRows = countPending.all() as { handler: string; n: number; oldest: number }[]
    const deadRows = countDead.all() as { handler: string; n: number }[]
    const done = readCounters('done:', counters)

    const jobs: Record<string, Record<JobState, number>> = {}
    const jobsOf = (handler: string) => (jobs[handler] ??= { pending: 0, done: 0, dead: 0 })
    for (const [handler, n] of Object.entries(done)) jobsOf(handler).done = n
    for (const { handler, n } of pendingRows) jobsOf(handler).pending = n
    for (const { handler, n } of deadRows) jobsOf(handler).dead = n

    const pending = (countPendingEvents.get() as { n: number }).n
    const dead = (countDeadEvents.get() as { n: number }).n
    const set = {
      unhandled: count('unhandled'),
      conflict: count('conflict'),
      stale: count('stale'),
    }
    const total = count('events')
    const settled = total - pending - dead - set.unhandled - set.conflict - set.stale
    const pendingJobs = pendingRows.reduce((sum, { n }) => sum + n, 0)
    const oldestEvent = Math.min(...pendingRows.map(({ oldest }) => oldest))
    const times = [
      open.oldest === null
        ? undefined
        : (selectBatchTime.get(open.oldest) as { at: number } | undefined),
      pendingRows.length === 0
        ? undefined
        : (selectEventTime.get(oldestEvent) as { at: number } | undefined),
    ].flatMap((row) => (row ? [row.at] : []))

    return {
      batches: { received: count('batches'), waiting: open.n },
      events: {
        total,
        byState: { pending, done: Math.max(0, settled), dead, ...set },
        byType: readCounters('type:', counters),
      },
      duplicates: count('duplicates'),
      quarantined: count('quarantined'),
      jobs,
      backlog: pendingJobs + open.n,
      oldestPendingMs: times.length === 0 ? 0 : Math.max(0, now() - Math.min(...times)),
    }
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
