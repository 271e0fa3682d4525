export interface Totals {
  readonly events: number
  readonly batches: number
  /** When they were counted, in milliseconds since 1970. */
  readonly at: number
}

export interface Rates {
  readonly eventsPerSecond: number
  readonly batchesPerSecond: number
  readonly overSeconds: number
}

/** Takes the newest totals; answers the rates, or undefined with nothing to compare. */
export type RateMeter = (totals: Totals) => Rates | undefined

const WINDOW_MS = 60_000
const SHORTEST_MS = 1_000

/**
 * Rates over the last minute from successive totals. It looks only when somebody asks, so the first
 * question has no answer, nor has one that comes minutes after the one before.
 */
export function createRateMeter(): RateMeter {
  let looks: Totals[] = []

  return (totals) => {
    const { at } = totals
    // A clock that was set back makes what was noted worthless.
    looks = looks.filter((look) => look.at <= at && look.at > at - 2 * WINDOW_MS)
    const isMinuteOld = (look: { at: number } | undefined) => look && look.at <= at - WINDOW_MS
    while (isMinuteOld(looks[1])) looks.shift()
    const first = looks[0]
    const latest = looks.at(-1)
    if (!latest || at - latest.at >= SHORTEST_MS) looks.push(totals)
    return first && at - first.at >= SHORTEST_MS ? ratesBetween(first, totals) : undefined
  }
}

function ratesBetween(first: Totals, last: Totals): Rates {
  const seconds = (last.at - first.at) / 1_000
  // Totals sink when old rows are pruned; a rate does not.
  const perSecond = (from: number, to: number) => round(Math.max(0, to - from) / seconds)
  return {
    eventsPerSecond: perSecond(first.events, last.events),
    batchesPerSecond: perSecond(first.batches, last.batches),
    overSeconds: round(seconds),
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
