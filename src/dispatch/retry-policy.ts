import type { Outcome } from '../model.ts'

/** How an attempt failed, before the retry policy has spoken. */
export type AttemptFailure =
  /** `afterMs`: not to be tried again sooner. */
  | { readonly kind: 'retry'; readonly error: string; readonly afterMs?: number | undefined }
  /** The handler says that another attempt would fail too. */
  | { readonly kind: 'dead'; readonly error: string }
  /** Ended through no fault of its own: it shared a process with an attempt that overran, or we stop. */
  | { readonly kind: 'interrupted'; readonly error: string }
  /** One of several that were under way when their process ended: nobody can tell which was why. */
  | { readonly kind: 'suspect'; readonly error: string }

export interface RetryPolicy {
  /** Waits between attempts in milliseconds; after the last one the job is dead. */
  readonly delaysMs: readonly number[]
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

/** An outcome that is recorded of one event by itself. */
export type FailedOutcome = Exclude<Outcome, { readonly kind: 'done' | 'released' }>

/**
 * After failed attempt n (from 1) the job waits `delaysMs[n - 1]`, times 0.5 to 1: jobs that failed
 * together must not come back together, and the schedule stays the upper limit. Without such a
 * wait the job is dead.
 */
export function nextOutcome(attempt: number, error: string, policy: RetryPolicy): FailedOutcome {
  const delayMs = policy.delaysMs[attempt - 1]
  if (delayMs === undefined) return { kind: 'dead', error }
  return { kind: 'retry', error, delayMs: Math.round(delayMs * (0.5 + policy.random() / 2)) }
}

/**
 * What is recorded of an attempt that failed; `counted` are those that the schedule has seen, this one
 * included. An interrupted one is due at once, does not count, and is never dead.
 */
export function decideOutcome(
  counted: number,
  failure: AttemptFailure,
  policy: RetryPolicy,
): FailedOutcome {
  const { kind, error } = failure
  if (kind === 'retry') {
    const next = nextOutcome(counted, error, policy)
    const { afterMs = 0 } = failure
    return next.kind === 'retry' ? { ...next, delayMs: Math.max(next.delayMs, afterMs) } : next
  }
  if (kind === 'interrupted') return { kind: 'retry', error, delayMs: 0, isSpared: true }
  return { kind: kind === 'suspect' ? 'alone' : 'dead', error }
}
