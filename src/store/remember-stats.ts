import { shareAnswer } from '../share-answer.ts'
import type { StoreStats } from './figures.ts'

/** Jobs pending or dead; to count more of them takes long enough to be felt. */
const LONG_BACKLOG = 100_000
/** Figures of a long backlog are told again for so many times as long as counting took, */
const REST_FACTOR = 10
/** but at most for so long. */
const LONGEST_REST_MS = 30_000

/**
 * A store's figures for all who ask for them again and again: pages that refresh themselves,
 * Prometheus. Nobody counts what is being counted, and a long backlog takes at most a tenth of the
 * store's reader. `elapsedMs` is a monotonic clock.
 */
export function rememberStats(
  read: () => Promise<StoreStats>,
  elapsedMs: () => number,
): () => Promise<StoreStats> {
  let known: { readonly stats: StoreStats; readonly until: number } | undefined

  const count = shareAnswer(async () => {
    const begunAt = elapsedMs()
    const stats = await read()
    const tookMs = elapsedMs() - begunAt
    const restMs = Math.min(REST_FACTOR * tookMs, LONGEST_REST_MS)
    known = isLong(stats) ? { stats, until: elapsedMs() + restMs } : undefined
    return stats
  })

  return async () => (known && elapsedMs() < known.until ? known.stats : await count())
}

function isLong({ jobs }: StoreStats): boolean {
  const open = Object.values(jobs).map(({ pending, dead }) => pending + dead)
  return open.reduce((sum, n) => sum + n, 0) > LONG_BACKLOG
}
