import type { ProviderName } from '../../model.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS

/** How a provider gathers events into batches, and how often it sends one again. */
export interface SendingPolicy {
  /** How long events are gathered, from the first of a batch. */
  readonly gatherMs: number
  readonly maxEvents: number
  /** Waits between attempts; after the last one the webhook is paused. */
  readonly retryDelaysMs: readonly number[]
}

/**
 * `steady`: 40 times every 5 minutes. `backoff`: 10 attempts in 24 hours, as Mailtrap's pages on
 * inbound e-mail have it.
 */
export const RETRY_PROFILES = {
  steady: Array.from({ length: 40 }, () => 5 * MINUTE_MS),
  backoff: Array.from({ length: 9 }, (_, retry) => 2 ** retry * MINUTE_MS),
} as const satisfies Readonly<Record<string, readonly number[]>>

export type RetryProfile = keyof typeof RETRY_PROFILES

/** MailingAPI publishes no retries: the same are assumed. */
export function sendingPolicy(provider: ProviderName, profile: RetryProfile): SendingPolicy {
  const retryDelaysMs = RETRY_PROFILES[profile]
  if (provider === 'mailingapi') return { gatherMs: 0, maxEvents: 1, retryDelaysMs }
  return { gatherMs: 30 * SECOND_MS, maxEvents: 500, retryDelaysMs }
}
