import type { ClaimedJob, SettledAttempt } from '../../model.ts'
import { type ClaimedRow, readClaimed } from '../rows.ts'
import type { ClaimRequest } from '../store.ts'
import { createCounters } from './counters.ts'
import type { Database } from './driver.ts'
import type { OnEnd } from './transactions.ts'

/** A job keeps the record of its newest failures only; the schedule has ten. */
const MOST_RECORDED_CHARACTERS = 65_536

type Attempt = Pick<SettledAttempt, 'event' | 'handler' | 'attempt'>

/** Claims, leases and outcomes. Every write names the attempt: that is the fence. */
export function createJobs(db: Database, onEnd: OnEnd) {
  const counters = createCounters(db)
  const leases = createLeases()
  const selectDue = db.prepare(
    `SELECT event_id FROM jobs WHERE handler = ? AND state = 'pending' AND due_at <= ?
     ORDER BY due_at LIMIT ?`,
  )
  const countAttempts = db.prepare(
    `UPDATE jobs SET attempt = attempt + 1
     WHERE handler = ? AND event_id IN (SELECT value FROM json_each(?))`,
  )
  const selectClaimed = db.prepare(
    `SELECT e.id AS event_id, j.attempt, e.provider, e.source, e.type, e.name, e.key,
            e.received_at, e.occurred_at, e.payload
     FROM json_each(?) c JOIN events e ON e.id = c.value
     JOIN jobs j ON j.event_id = e.id AND j.handler = ?`,
  )
  const settleDone = db.prepare(
    `UPDATE jobs SET state = 'done', due_at = NULL, ended_at = ?, duration_ms = ?
     WHERE event_id = ? AND handler = ? AND attempt = ? AND state = 'pending'`,
  )
  const settleFailed = db.prepare(
    `UPDATE jobs SET state = ?, due_at = ?, ended_at = ?, duration_ms = ?,
       failures = substr(ifnull(failures, '') || ?, -${MOST_RECORDED_CHARACTERS})
     WHERE event_id = ? AND handler = ? AND attempt = ? AND state = 'pending'`,
  )
  const release = db.prepare(
    `UPDATE jobs SET attempt = attempt - 1, due_at = min(due_at, ?)
     WHERE event_id = ? AND handler = ? AND attempt = ? AND state = 'pending'`,
  )

  function claim({ handler, limit, leaseMs }: ClaimRequest, now: number): readonly ClaimedJob[] {
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
    for (const { event_id, attempt } of claimed) leases.hold(handler, event_id, { attempt, until })
    // An attempt that was not counted was not handed out either.
    onEnd((isKept) => {
      if (!isKept) for (const { event_id } of free) leases.end(handler, event_id)
    })
    return claimed.map((row) => readClaimed(row, handler))
  }

  function extend(attempts: readonly Attempt[], leaseMs: number, now: number): void {
    const until = now + leaseMs
    for (const { event, handler, attempt } of attempts) {
      // Also one that has ended: nobody else has the job, or the attempt would be another.
      if (leases.find(handler, Number(event))?.attempt === attempt)
        leases.hold(handler, Number(event), { attempt, until })
    }
  }

  function settleAttempt(settled: SettledAttempt, now: number): boolean {
    const { handler, attempt, outcome, durationMs } = settled
    const event = Number(settled.event)
    if (outcome.kind === 'done') {
      return settleDone.run(now, durationMs, event, handler, attempt).changes === 1
    }
    if (outcome.kind === 'released') return release.run(now, event, handler, attempt).changes === 1
    const { kind, error } = outcome
    const line = JSON.stringify({ attempt, outcome: kind, endedAt: now, durationMs, error })
    const [state, dueAt] = kind === 'retry' ? ['pending', now + outcome.delayMs] : ['dead', null]
    const { changes } = settleFailed.run(
      state,
      dueAt,
      now,
      durationMs,
      `${line}\n`,
      event,
      handler,
      attempt,
    )
    return changes === 1
  }

  /** Answers how many were refused. */
  function settle(attempts: readonly SettledAttempt[], now: number): number {
    const done = new Map<string, number>()
    const ended: SettledAttempt[] = []
    let refused = 0
    for (const settled of attempts) {
      if (!settleAttempt(settled, now)) {
        refused++
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
