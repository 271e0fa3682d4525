import type { AttemptName, ClaimedJob, SettledAttempt } from '../../model.ts'
import { type ClaimedRow, MOST_RECORDED_CHARACTERS, readClaimed } from '../rows.ts'
import type { ClaimRequest } from '../store.ts'
import { createCounters } from './counters.ts'
import type { Database } from './driver.ts'
import type { OnEnd } from './transactions.ts'

/** Of one attempt: neither has its outcome been told, nor is there a newer one. */
const IS_RUNNING = `event_id = ? AND handler = ? AND attempt = ? AND fence = ?
  AND state = 'pending' AND ended_at IS NULL`

/** Claims, leases and outcomes. Every write names the attempt: that is the fence. */
export function createJobs(db: Database, onEnd: OnEnd) {
  const counters = createCounters(db)
  const leases = createLeases()
  const selectDue = db.prepare(
    `SELECT event_id FROM jobs WHERE handler = ? AND state = 'pending' AND due_at <= ?
     ORDER BY due_at, event_id LIMIT ?`,
  )
  const selectPaused = db.prepare('SELECT 1 FROM handlers WHERE name = ? AND paused_at IS NOT NULL')
  const countAttempts = db.prepare(
    `UPDATE jobs SET attempt = attempt + 1, fence = fence + 1, ended_at = NULL
     WHERE handler = ? AND event_id IN (SELECT value FROM json_each(?))`,
  )
  const selectClaimed = db.prepare(
    `SELECT e.id AS event_id, j.attempt, j.fence, b.id AS batch, e.provider, e.source, e.type,
            e.name, e.key, e.received_at, e.occurred_at, e.payload
     FROM json_each(?) c JOIN events e ON e.id = c.value
     JOIN jobs j ON j.event_id = e.id AND j.handler = ? LEFT JOIN batches b ON b.seq = e.batch_seq`,
  )
  const settleDone = db.prepare(
    `UPDATE jobs SET state = 'done', due_at = NULL, ended_at = ?, duration_ms = ?
     WHERE ${IS_RUNNING}`,
  )
  const settleFailed = db.prepare(
    `UPDATE jobs SET state = ?, due_at = ?, ended_at = ?, duration_ms = ?,
       failures = substr(ifnull(failures, '') || ?, -${MOST_RECORDED_CHARACTERS})
     WHERE ${IS_RUNNING}`,
  )
  const release = db.prepare(
    `UPDATE jobs SET attempt = attempt - 1, due_at = min(due_at, ?), ended_at = ?
     WHERE ${IS_RUNNING}`,
  )

  function claim({ handler, limit, leaseMs }: ClaimRequest, now: number): readonly ClaimedJob[] {
    if (selectPaused.get(handler) !== undefined) return []
    const rows = selectDue.all(handler, now, limit + leases.count(handler)) as {
      event_id: number
    }[]
    const free = rows
      .filter(({ event_id }) => !leases.isHeld(handler, event_id, now))
      .slice(0, limit)
    if (free.length === 0) return []
    const ids = JSON.stringify(free.map(({ event_id }) => event_id))
    countAttempts.run(handler, ids)
    const claimed = selectClaimed.all(ids, handler) as ClaimedRow[]
    const until = now + leaseMs
    for (const { event_id, attempt, fence } of claimed) {
      leases.hold(handler, event_id, { attempt, fence, until })
    }
    // An attempt that was not counted was not handed out either.
    onEnd((isKept) => {
      if (!isKept) for (const { event_id } of free) leases.end(handler, event_id)
    })
    return claimed.map((row) => readClaimed(row, handler))
  }

  function extend(attempts: readonly AttemptName[], leaseMs: number, now: number): void {
    const until = now + leaseMs
    for (const name of attempts) {
      // Also one that has ended: nobody else has the job, or the fence would be another.
      const { event, handler, attempt, fence } = name
      if (isNewest(name)) leases.hold(handler, Number(event), { attempt, fence, until })
    }
  }

  function settleAttempt(settled: SettledAttempt, now: number): boolean {
    const { handler, attempt, fence, outcome, durationMs } = settled
    const event = Number(settled.event)
    const name = [event, handler, attempt, fence] as const
    if (outcome.kind === 'done') {
      return settleDone.run(now, durationMs, ...name).changes === 1
    }
    if (outcome.kind === 'released') return release.run(now, now, ...name).changes === 1
    const { kind, error } = outcome
    const line = JSON.stringify({ attempt, outcome: kind, endedAt: now, durationMs, error })
    const [state, dueAt] = kind === 'retry' ? ['pending', now + outcome.delayMs] : ['dead', null]
    return settleFailed.run(state, dueAt, now, durationMs, `${line}\n`, ...name).changes === 1
  }

  function isNewest({ handler, event, attempt, fence }: AttemptName): boolean {
    const lease = leases.find(handler, Number(event))
    return lease?.fence === fence && lease.attempt === attempt
  }

  /** Answers how many were refused. */
  function settle(attempts: readonly SettledAttempt[], now: number): number {
    const done = new Map<string, number>()
    const ended: SettledAttempt[] = []
    let refused = 0
    for (const settled of attempts) {
      if (!settleAttempt(settled, now)) {
        refused++
        // The newest attempt of a job that was erased meanwhile.
        if (isNewest(settled)) ended.push(settled)
        continue
      }
      ended.push(settled)
      if (settled.outcome.kind === 'done') {
        done.set(settled.handler, (done.get(settled.handler) ?? 0) + 1)
      }
    }
    // An outcome that was not kept is told again; until then nobody else may have the job.
    onEnd((isKept) => {
      if (isKept) for (const { handler, event } of ended) leases.end(handler, Number(event))
    })
    for (const [handler, n] of done) counters.add(`done:${handler}`, n)
    return refused
  }

  return { claim, extend, settle }
}

interface Lease {
  readonly attempt: number
  readonly fence: number
  readonly until: number
}

/** Which attempt holds which job until when. One process has the file, so its leases end with it. */
function createLeases() {
  const byHandler = new Map<string, Map<number, Lease>>()
  const leasesOf = (handler: string) => {
    const found = byHandler.get(handler)
    if (found) return found
    const made = new Map<number, Lease>()
    byHandler.set(handler, made)
    return made
  }
  return {
    count: (handler: string) => leasesOf(handler).size,
    find: (handler: string, event: number) => leasesOf(handler).get(event),
    isHeld: (handler: string, event: number, now: number) =>
      (leasesOf(handler).get(event)?.until ?? 0) > now,
    hold: (handler: string, event: number, lease: Lease) =>
      void leasesOf(handler).set(event, lease),
    end: (handler: string, event: number) => void leasesOf(handler).delete(event),
  }
}
