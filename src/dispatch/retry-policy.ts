import type { Outcome } from '../model.ts'

/** How an attempt ended, before the retry policy has spoken. */
export type AttemptResult =
  | { readonly kind: 'done' }
  /** The attempt failed. */
  | { readonly kind: 'retry'; readonly error: string }
  /** The attempt failed, and the handler says that another would too. */
  | { readonly kind: 'dead'; readonly error: string }
  /** Ended through no fault of its own: it shared a process with an attempt that overran, or we stop. */
  | { readonly kind: 'interrupted'; readonly error: string }
  /** Never started, or nobody can tell whether it ended its process: not counted. */
  | { readonly kind: 'released' }

export interface RetryPolicy {
  /** Waits between attempts in milliseconds; after the last one the job is dead. */
  readonly delaysMs: readonly number[]
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

/**
 * After failed attempt n (from 1) the job waits `delaysMs[n - 1]`, times 0.5 to 1: jobs that failed
 * together must not come back together, and the schedule stays the upper limit. Without such a
 * wait the job is dead.
 */
export function nextOutcome(attempt: number, error: string, policy: RetryPolicy): Outcome {
  const delayMs = policy.delaysMs[attempt - 1]
  if (delayMs === undefined) return { kind: 'dead', error }
  return { kind: 'retry', error, delayMs: Math.round(delayMs * (0.5 + policy.random() / 2)) }
}

/** What is recorded of attempt number `attempt`. An interrupted one is due at once, and never dead. */
export function decideOutcome(
  attempt: number,
  result: AttemptResult,
  policy: RetryPolicy,
): Outcome {
  if (result.kind === 'retry') return nextOutcome(attempt, result.error, policy)
  if (result.kind === 'interrupted') return { kind: 'retry', error: result.error, delayMs: 0 }
  return result
}
