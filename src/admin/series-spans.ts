import type { SeriesQuery } from '../store/store.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** What can be drawn: about as many bars each, and never more than a hundred. */
const SPANS = {
  '1h': { spanMs: HOUR_MS, bucketMs: MINUTE_MS },
  '6h': { spanMs: 6 * HOUR_MS, bucketMs: 5 * MINUTE_MS },
  '24h': { spanMs: DAY_MS, bucketMs: 15 * MINUTE_MS },
  '7d': { spanMs: 7 * DAY_MS, bucketMs: 2 * HOUR_MS },
  '30d': { spanMs: 30 * DAY_MS, bucketMs: 8 * HOUR_MS },
} as const

export type Span = keyof typeof SPANS
export const SPAN_NAMES = Object.keys(SPANS) as Span[]

/** Whole buckets; the last one has begun and goes on. */
export function seriesOf(span: Span, now: number): SeriesQuery {
  const { spanMs, bucketMs } = SPANS[span]
  const to = Math.floor(now / bucketMs) * bucketMs + bucketMs
  return { from: to - spanMs, to, bucketMs }
}
