import { minuteOf, type SeriesRow, toSeries } from './series.ts'
import type { UnpackedPage } from './store.ts'

/** What a batch and the totals say of a page. */
export interface PageCounts {
  /** With the stale ones, without conflicts. */
  readonly stored: number
  readonly duplicates: number
  readonly conflicts: number
  readonly stale: number
  readonly unhandled: number
  readonly quarantined: number
}

export function countPage({ events, unreadable, duplicates }: UnpackedPage): PageCounts {
  const verdicts = { dispatched: 0, unhandled: 0, conflict: 0, stale: 0 }
  for (const { verdict } of events) verdicts[verdict]++
  return {
    stored: events.length - verdicts.conflict,
    duplicates,
    conflicts: verdicts.conflict,
    stale: verdicts.stale,
    unhandled: verdicts.unhandled,
    quarantined: unreadable.reduce((sum, { pieces }) => sum + pieces, 0),
  }
}

/** Types beyond this many are counted together, so that a hostile sender cannot grow the tables. */
const MOST_COUNTED_TYPES = 200

/** Under which names types are counted. Those that the totals have already are to be told first. */
export function createTypeNames() {
  const known = new Set<string>()
  return {
    knows: (type: string): boolean => known.has(type) || known.size >= MOST_COUNTED_TYPES,
    learn(counters: readonly { readonly name: string }[]): void {
      for (const { name } of counters) known.add(name.slice('type:'.length))
    },
    nameOf(type: string): string {
      if (!known.has(type) && known.size >= MOST_COUNTED_TYPES) return '(other)'
      known.add(type)
      return type
    },
  }
}

export const SELECT_TYPE_COUNTERS = `SELECT DISTINCT name FROM counters WHERE name LIKE 'type:%'`

/** What stored pages add to the totals, and to the series by time of receipt. */
export function tallyPages(
  pages: readonly UnpackedPage[],
  nameOf: (type: string) => string,
): { readonly totals: ReadonlyMap<string, number>; readonly series: readonly SeriesRow[] } {
  const totals = new Map<string, number>()
  const received = new Map<number, Map<string, number>>()
  for (const page of pages) {
    const { duplicates, conflicts, stale, unhandled, quarantined } = countPage(page)
    addTo(totals, 'events', page.events.length)
    addTo(totals, 'duplicates', duplicates)
    addTo(totals, 'conflict', conflicts)
    addTo(totals, 'stale', stale)
    addTo(totals, 'unhandled', unhandled)
    addTo(totals, 'quarantined', quarantined)
    const minute = minuteOf(page.batch.receivedAt)
    const types = received.get(minute) ?? new Map<string, number>()
    received.set(minute, types)
    for (const { type } of page.events) addTo(types, nameOf(type), 1)
  }
  for (const types of received.values()) {
    for (const [type, n] of types) addTo(totals, `type:${type}`, n)
  }
  return { totals, series: toSeries(received) }
}

function addTo(amounts: Map<string, number>, name: string, n: number): void {
  amounts.set(name, (amounts.get(name) ?? 0) + n)
}
