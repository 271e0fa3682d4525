import type { LatencyFigures } from './observer.ts'

/** Each bound is 15 % above the one before, so a percentile is at most that much too high. */
const GROWTH = 1.15
const FIRST_MS = 0.25
const BUCKETS = 90

export interface LatencyBuckets {
  add(ms: number): void
  merge(other: LatencyBuckets): void
  figures(): LatencyFigures
  readonly counts: Uint32Array
  max(): number
}

/** Counts of latencies, from a quarter of a millisecond to a minute, in a fixed number of buckets. */
export function createLatencyBuckets(): LatencyBuckets {
  const counts = new Uint32Array(BUCKETS)
  let highest = 0

  function figures(): LatencyFigures {
    const count = counts.reduce((sum, n) => sum + n, 0)
    const at = (share: number) =>
      count === 0 ? undefined : Math.min(highest, boundAt(counts, count * share))
    return {
      count,
      p50: at(0.5),
      p95: at(0.95),
      p99: at(0.99),
      max: count === 0 ? undefined : highest,
    }
  }

  return {
    counts,
    max: () => highest,
    add(ms) {
      const bucket = Math.ceil(Math.log(ms / FIRST_MS) / Math.log(GROWTH))
      const index = Math.min(BUCKETS - 1, Math.max(0, bucket || 0))
      counts[index] = (counts[index] ?? 0) + 1
      highest = Math.max(highest, ms)
    },
    merge(other) {
      for (const [index, n] of other.counts.entries()) counts[index] = (counts[index] ?? 0) + n
      highest = Math.max(highest, other.max())
    },
    figures,
  }
}

/** The bound below which so many of the values lie. */
function boundAt(counts: Uint32Array, wanted: number): number {
  let sum = 0
  const index = counts.findIndex((n) => {
    sum += n
    return sum >= wanted
  })
  return FIRST_MS * GROWTH ** index
}
