/**
 * When something was received decides what is forgotten, and a clock may be wrong for a while. So a
 * time is believed only where it can be right: not before this program was written, not in the future.
 */
export const HOUR_MS = 3_600_000

/** Nothing was ever received before this program was written; a clock that says so starts in 1970. */
export const WRITTEN_AT = Date.UTC(2025, 0, 1)

/** What was received when: the first and the last event of batches of an hour. */
export interface KeyMark {
  /** Hours since 1970. */
  readonly hour: number
  readonly first: number
  readonly last: number
}

/** How far keys may be forgotten. */
export interface KeyFloor {
  /** Keys of events before this number. */
  readonly before: number
  /** Every key among them was received before this; 0: there is none. */
  readonly prunedThrough: number
}

/**
 * The keys that were received before a time. Marks come in the order of their first events. An hour
 * that cannot be right counts as the next one that can, and none counts as older than those whose
 * batches have lower numbers: a key is rather kept for too long.
 */
export function findKeyFloor(
  marks: readonly KeyMark[],
  limits: {
    readonly receivedBefore: number
    readonly now: number
    /** The first event of the oldest batch that is not unpacked: its keys are still to come. */
    readonly openFrom?: number | undefined
  },
): KeyFloor {
  const { receivedBefore, openFrom = Number.POSITIVE_INFINITY } = limits
  const hours = believeHours(marks, limits)
  let prunedThrough = 0
  // Not up to the next hour's first event: a batch with a lower number may be unpacked later.
  let last = -1
  for (const [index, mark] of marks.entries()) {
    const end = ((hours[index] ?? 0) + 1) * HOUR_MS
    if (end > receivedBefore || mark.first >= openFrom) {
      return { before: Math.min(mark.first, last + 1, openFrom), prunedThrough }
    }
    prunedThrough = Math.max(prunedThrough, end)
    last = Math.max(last, mark.last)
  }
  return { before: Math.min(last + 1, openFrom), prunedThrough }
}

function believeHours(
  marks: readonly KeyMark[],
  { receivedBefore, now }: { receivedBefore: number; now: number },
): number[] {
  const thisHour = Math.floor(now / HOUR_MS)
  const canBe = ({ hour }: KeyMark) =>
    hour <= thisHour && (hour * HOUR_MS >= WRITTEN_AT || receivedBefore <= WRITTEN_AT)
  const hours: number[] = []
  let next = thisHour
  for (const mark of marks.toReversed()) {
    if (canBe(mark)) next = mark.hour
    hours.unshift(next)
  }
  let newest = 0
  return hours.map((hour) => {
    newest = Math.max(newest, hour)
    return newest
  })
}

/** Whether a time of receipt cannot be right, and matters: it says one before this program was written. */
export const isOdd = (receivedAt: number, limit: number): boolean =>
  receivedAt < WRITTEN_AT && limit > WRITTEN_AT

/**
 * Whether a batch was received before a limit. One whose time is odd came before the next one whose
 * time is not, at `nextAt`; now, when there is none.
 */
export function isReceivedBefore(
  receivedAt: number,
  limit: number,
  { nextAt, now }: { readonly nextAt: number | undefined; readonly now: number },
): boolean {
  return (isOdd(receivedAt, limit) ? (nextAt ?? now) : receivedAt) < limit
}
