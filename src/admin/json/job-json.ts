import { z } from 'zod'
import type { AttemptRow, JobRow } from '../../store/store.ts'
import { isoTime } from './iso-time.ts'
import { TIME_JSON } from './time-schema.ts'

const ATTEMPT_JSON = z.object({
  attempt: z.number(),
  outcome: z.enum(['done', 'retry', 'dead']),
  ended_at: TIME_JSON,
  duration_ms: z.number(),
  error: z.string().nullable(),
})

/** A job with its attempts, as the API shows it. */
export const JOB_JSON = z.object({
  event: z.string().describe('The id of its event.'),
  handler: z.string(),
  state: z.enum(['pending', 'done', 'dead']),
  attempt: z.number().describe('Attempts counted so far.'),
  due_at: TIME_JSON.describe('When it is due, or until when it is leased.'),
  last_error: z.string().nullable(),
  attempts: z.array(ATTEMPT_JSON),
})

export type JobJson = z.output<typeof JOB_JSON>

export function jobJson(job: JobRow): JobJson {
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

function attemptJson(row: AttemptRow): JobJson['attempts'][number] {
  return {
    attempt: row.attempt,
    outcome: row.outcome,
    ended_at: isoTime(row.endedAt),
    duration_ms: row.durationMs,
    error: row.error ?? null,
  }
}
