const LONGEST_MS = 900_000

/**
 * How long until the provider is asked again. A failure doubles the wait, up to 15 minutes; what
 * the provider asks for counts where it is longer. Spread by a tenth, so that replicas do not ask
 * all at once. `random` is from 0 to 1.
 */
export function nextLookMs(options: {
  readonly intervalMs: number
  /** In a row; 0 after a success. */
  readonly failures: number
  readonly retryAfterMs: number | undefined
  readonly random: number
}): number {
  const { intervalMs, failures, retryAfterMs = 0, random } = options
  const doubled = intervalMs * 2 ** Math.min(failures, 10)
  const wait = Math.max(intervalMs, Math.min(LONGEST_MS, doubled))
  return Math.max(wait * (0.9 + 0.2 * random), retryAfterMs)
}
