import type { AttemptRow, JobRow } from '../../store/store.ts'
import { isoTime } from './iso-time.ts'

/** A job with its attempts, as the API shows it. */
export function jobJson(job: JobRow) {
  return {
    event: job.event,
    handler: job.handler,
    state: job.state,
    attempt: job.attempt,
    due_at: isoTime(job.dueAt),
    last_error: job.lastError ?? null,
    attempts: job.attempts.map(attemptJson),
  }
}

function attemptJson(row: AttemptRow) {
  return {
    attempt: row.attempt,
    outcome: row.outcome,
    ended_at: isoTime(row.endedAt),
    duration_ms: row.durationMs,
    error: row.error ?? null,
  }
}

export type JobJson = ReturnType<typeof jobJson>
