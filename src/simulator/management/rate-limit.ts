export const RATE_LIMIT = 150
const WINDOW_MS = 10_000

/** Counts requests of each token; answers how many more it may make, -1 when it made too many. */
export function createRateLimit(elapsedMs: () => number): (token: string) => number {
  const windows = new Map<string, { startedAt: number; count: number }>()
  return (token) => {
    const now = elapsedMs()
    const known = windows.get(token)
    const isOpen = known !== undefined && now - known.startedAt < WINDOW_MS
    const window = isOpen ? known : { startedAt: now, count: 0 }
    window.count++
    // A token that is not used any more is not worth a timer: there are few.
    windows.set(token, window)
    return Math.max(-1, RATE_LIMIT - window.count)
  }
}
