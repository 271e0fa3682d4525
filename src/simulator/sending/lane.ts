import type { AttemptEnd, QueuedBatch, WebhookQueue } from './webhook-queue.ts'

/** What was sent to a webhook so far. */
export interface LaneTally {
  /** Events that it wanted. */
  readonly wanted: number
  /** Events in batches that were answered 200. */
  readonly sent: number
  readonly attempts: number
  /** Attempts by status, or by why there was none. */
  readonly answers: Readonly<Record<string, number>>
}

/** One webhook's queue, and what came of it. */
export interface Lane {
  readonly queue: WebhookQueue
  underWay: number
  tally: LaneTally
}

export const NO_TALLY: LaneTally = { wanted: 0, sent: 0, attempts: 0, answers: {} }

/** One request, and how it was answered. */
export interface AttemptRecord {
  /** By the simulator's clock. */
  readonly at: number
  readonly webhook: string
  readonly batch: number
  /** 1 for the first. */
  readonly attempt: number
  readonly events: number
  readonly status: number | string
  /** Start of the answer's body. */
  readonly answer: string
  /** By our clock. */
  readonly durationMs: number
  readonly end: AttemptEnd
}

export function countAttempt(
  tally: LaneTally,
  { events, isRepeat }: Pick<QueuedBatch, 'events' | 'isRepeat'>,
  status: number | string,
): LaneTally {
  const isNews = status === 200 && !isRepeat
  return {
    wanted: tally.wanted,
    sent: tally.sent + (isNews ? events.length : 0),
    attempts: tally.attempts + 1,
    answers: { ...tally.answers, [status]: (tally.answers[status] ?? 0) + 1 },
  }
}
