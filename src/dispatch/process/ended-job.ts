import type { AttemptResult } from '../retry-policy.ts'
import type { HandedJob, StartedJob } from './job-ledger.ts'

/** A job that a process has no more in its hands, and why. */
export interface EndedJob {
  readonly job: HandedJob
  readonly durationMs: number
  readonly result: AttemptResult
  /** It was under way when its process ended, and may be why. */
  readonly isSuspect?: boolean
}

export function endJob(job: StartedJob, now: number, result: AttemptResult): EndedJob {
  return { job, durationMs: Math.round(now - job.startedAt), result }
}

/**
 * For a process that ended under these. One that was alone has failed; of several nobody knows which
 * it was, and none is charged with it.
 */
export function suspectJobs(
  started: readonly StartedJob[],
  now: number,
  error: string,
): EndedJob[] {
  const result: AttemptResult =
    started.length === 1 ? { kind: 'retry', error } : { kind: 'released' }
  return started.map((job) => ({ ...endJob(job, now, result), isSuspect: true }))
}

export function releaseJob(job: HandedJob): EndedJob {
  return { job, durationMs: 0, result: { kind: 'released' } }
}

/**
 * For a process that died before anything ran: of its first job's size, most likely. Takes that one
 * out of `queued` as failed; were it released, it would come first again, for ever.
 */
export function blameFirst(queued: HandedJob[], error: string): EndedJob[] {
  const first = queued.shift()
  return first ? [{ job: first, durationMs: 0, result: { kind: 'retry', error } }] : []
}
