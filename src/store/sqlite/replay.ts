import { MOST_RECORDED_CHARACTERS } from '../rows.ts'
import type { JobName } from '../store.ts'
import { createCounters } from './counters.ts'
import type { Database } from './driver.ts'

/** Makes jobs pending again. */
export function createReplay(db: Database) {
  const counters = createCounters(db)
  const selectJob = db.prepare('SELECT state FROM jobs WHERE event_id = ? AND handler = ?')
  const renew = db.prepare(
    `UPDATE jobs SET state = 'pending', attempt = 0, due_at = ? WHERE event_id = ? AND handler = ?`,
  )
  // Its row tells of the newest attempt only.
  const recordSuccess = db.prepare(
    `UPDATE jobs SET failures = substr(ifnull(failures, '') || json_object('attempt', attempt,
       'outcome', 'done', 'endedAt', ended_at, 'durationMs', duration_ms) || char(10),
       -${MOST_RECORDED_CHARACTERS})
     WHERE event_id = ? AND handler = ?`,
  )
  const insertJob = db.prepare(
    `INSERT INTO jobs (event_id, handler, state, attempt, due_at)
     SELECT id, ?, 'pending', 0, ? FROM events WHERE id = ?`,
  )
  const selectVerdict = db.prepare('SELECT verdict FROM events WHERE id = ?')
  const dispatch = db.prepare(`UPDATE events SET verdict = 'dispatched' WHERE id = ?`)

  function markDispatched(event: number): void {
    const { verdict } = selectVerdict.get(event) as { verdict: string }
    if (verdict === 'dispatched') return
    dispatch.run(event)
    counters.add(verdict, -1)
  }

  function replayOne(job: JobName, only: 'done' | 'dead' | undefined, now: number): boolean {
    const event = Number(job.event)
    const found = selectJob.get(event, job.handler) as { state: string } | undefined
    if (found) {
      if (found.state === 'pending' || (only && found.state !== only)) return false
      if (found.state === 'done') {
        counters.add(`done:${job.handler}`, -1)
        recordSuccess.run(event, job.handler)
      }
      renew.run(now, event, job.handler)
      return true
    }
    if (only || insertJob.run(job.handler, now, event).changes === 0) return false
    markDispatched(event)
    return true
  }

  return {
    replay: (jobs: readonly JobName[], only: 'done' | 'dead' | undefined, now: number): number =>
      jobs.filter((job) => replayOne(job, only, now)).length,
  }
}
