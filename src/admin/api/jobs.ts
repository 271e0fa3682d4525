import * as z from 'zod'
import { JOB_STATES } from '../../model.ts'
import type { JobRow, ListedJob } from '../../store/store.ts'
import { isoTime, PAGE_JSON, pageJson, TIME_JSON } from '../answer-parts.ts'
import type { AdminContext } from '../context.ts'
import type { AdminApp } from '../openapi.ts'
import { jobCursor, oneOf, page, text } from '../parameters.ts'

/** A job with its attempts, as the API shows it. */
export const JOB_JSON = z.object({
  event: z.string().describe('The id of its event.'),
  handler: z.string(),
  state: z.enum(JOB_STATES),
  attempt: z.number().describe('How often it was handed out.'),
  due_at: TIME_JSON.describe('Of a job that has failed: when it is due, or until when it is held.'),
  last_error: z.string().nullable(),
  discarded: z
    .object({ at: TIME_JSON, reason: z.string() })
    .nullable()
    .describe('Of a discarded job: when, and why as the person said; else null.'),
  attempts: z.array(
    z.object({
      attempt: z.number(),
      outcome: z.enum(['done', 'retry', 'dead']),
      ended_at: TIME_JSON,
      duration_ms: z.number(),
      error: z.string().nullable(),
    }),
  ),
})
export type JobJson = z.output<typeof JOB_JSON>

const LISTED_JSON = JOB_JSON.extend({
  type: z.string().nullable().describe('Of its event; null where that is gone.'),
  recipient: z.string().nullable(),
  received_at: TIME_JSON,
})
export type ListedJobJson = z.output<typeof LISTED_JSON>

const JOBS_JSON = z.object({ jobs: z.array(LISTED_JSON), ...PAGE_JSON })
export type JobsJson = z.output<typeof JOBS_JSON>

const LISTED_STATES = [...JOB_STATES, 'retrying'] as const

const LIST_JOBS = {
  summary: 'Jobs with their attempts, newest event first',
  querystring: z.object({
    handler: text.exactOptional(),
    state: oneOf(LISTED_STATES).describe('retrying: pending ones that were tried.').exactOptional(),
    ...page,
    cursor: jobCursor.exactOptional(),
  }),
  response: { 200: JOBS_JSON },
}

export function addJobRoutes(app: AdminApp, { archive }: AdminContext): void {
  app.get('/api/jobs', { schema: LIST_JOBS }, async ({ query }) => {
    const { rows, ...page } = await archive.listJobs(query)
    return { jobs: rows.map(listedJson), ...pageJson(page) }
  })
}

function listedJson({ type, recipient, receivedAt, ...job }: ListedJob): ListedJobJson {
  return {
    ...jobJson(job),
    type: type ?? null,
    recipient: recipient ?? null,
    received_at: isoTime(receivedAt),
  }
}

export function jobJson(job: JobRow): JobJson {
  return {
    event: job.event,
    handler: job.handler,
    state: job.state,
    attempt: job.attempt,
    due_at: isoTime(job.dueAt),
    last_error: job.lastError ?? null,
    discarded: job.discarded
      ? { at: isoTime(job.discarded.at), reason: job.discarded.reason }
      : null,
    attempts: job.attempts.map(({ attempt, outcome, endedAt, durationMs, error }) => ({
      attempt,
      outcome,
      ended_at: isoTime(endedAt),
      duration_ms: durationMs,
      error: error ?? null,
    })),
  }
}
