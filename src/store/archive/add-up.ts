import type { JobState } from '../../model.ts'
import type { JobCounts, StoreStats } from '../reading.ts'

export interface HandlerCount {
  readonly handler: string
  readonly n: number
}

/** What is counted; everything else follows from it. */
export interface Totals {
  /** By name; a name that is missing is 0. */
  readonly counters: ReadonlyMap<string, number>
  readonly batches: StoreStats['batches']
  readonly pendingJobs: readonly HandlerCount[]
  /** Some of the pending ones. */
  readonly retryingJobs: readonly HandlerCount[]
  readonly deadJobs: readonly HandlerCount[]
  readonly pendingEvents: number
  readonly deadEvents: number
  /** When the oldest batches that wait, or have something pending, were received. */
  readonly waitingSince: readonly number[]
  readonly oldestWaitingAt: number | undefined
  /** By handler; undefined where the batch is gone. */
  readonly oldestUntriedAt: ReadonlyMap<string, number | undefined>
}

/** The totals as people read them. */
export function addUp(totals: Totals, now: number): StoreStats {
  const { counters, batches, pendingEvents: pending, deadEvents: dead, waitingSince } = totals
  const count = (name: string) => counters.get(name) ?? 0
  const set = {
    unhandled: count('unhandled'),
    conflict: count('conflict'),
    stale: count('stale'),
  }
  const total = count('events')
  const settled = total - pending - dead - set.unhandled - set.conflict - set.stale
  const pendingJobs = totals.pendingJobs.reduce((sum, { n }) => sum + n, 0)
  return {
    countedAt: now,
    batches,
    events: {
      total,
      byState: { pending, done: Math.max(0, settled), dead, ...set },
      byType: readCounters('type:', counters),
    },
    duplicates: count('duplicates'),
    quarantined: count('quarantined'),
    jobs: countJobs(totals),
    retrying: Object.fromEntries(
      totals.retryingJobs.flatMap(({ handler, n }) => (n > 0 ? [[handler, n]] : [])),
    ),
    backlog: pendingJobs + batches.waiting,
    oldestPendingMs: waitingSince.length === 0 ? 0 : Math.max(0, now - Math.min(...waitingSince)),
    oldestWaitingAt: totals.oldestWaitingAt,
    oldestUntriedAt: Object.fromEntries(
      [...totals.oldestUntriedAt].flatMap(([name, at]) => (at === undefined ? [] : [[name, at]])),
    ),
  }
}

function countJobs({ counters, pendingJobs, deadJobs }: Totals): StoreStats['jobs'] {
  // A handler may be called `constructor`, which every plain object seems to have.
  const jobs = new Map<string, JobCounts>()
  const count = (handler: string, state: JobState, n: number) =>
    jobs.set(handler, { ...(jobs.get(handler) ?? { pending: 0, done: 0, dead: 0 }), [state]: n })
  for (const state of ['done', 'discarded'] as const) {
    const counted = Object.entries(readCounters(`${state}:`, counters))
    for (const [handler, n] of counted) count(handler, state, n)
  }
  const pending = new Map<string, number>()
  for (const { handler, n } of pendingJobs) pending.set(handler, (pending.get(handler) ?? 0) + n)
  for (const [handler, n] of pending) count(handler, 'pending', n)
  for (const { handler, n } of deadJobs) count(handler, 'dead', n)
  return Object.fromEntries(jobs)
}

function readCounters(
  prefix: string,
  counters: ReadonlyMap<string, number>,
): Record<string, number> {
  const found = [...counters].filter(([name, n]) => name.startsWith(prefix) && n > 0)
  return Object.fromEntries(found.map(([name, n]) => [name.slice(prefix.length), n]))
}
