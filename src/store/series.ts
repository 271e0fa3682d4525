/** Stored events by time of receipt. `from` and `to` are multiples of `bucketMs`. */
export interface SeriesQuery {
  readonly from: number
  readonly to: number
  /** Whole hours; or whole minutes, of which there are those of the last two days. */
  readonly bucketMs: number
}

export interface SeriesPoint {
  /** Counted from 0 at `from`. */
  readonly bucket: number
  readonly type: string
  readonly n: number
}

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000

/** Minutes are kept for so long behind the newest; hours as long as events. */
export const MINUTES_KEPT_MS = 2 * 86_400_000

/** Series rows removed in one call of prune. */
export const SERIES_PER_CALL = 2_000

/** The series that is read for buckets of this length: never more rows than needed. */
export function stepFor(bucketMs: number): 'minute' | 'hour' {
  return bucketMs % HOUR_MS === 0 ? 'hour' : 'minute'
}

/** The beginning of the minute, or hour, in which this time lies. */
export const floorTo = (stepMs: number, at: number): number => at - (at % stepMs)
