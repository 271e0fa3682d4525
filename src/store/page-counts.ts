import { addTo } from './group-by.ts'
import { minuteOf, type SeriesRow, toSeries } from './series.ts'
import type { UnpackedPage } from './store.ts'

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
    addTo(totals, 'events', page.events.length)
    addTo(totals, 'duplicates', page.duplicates)
    for (const { pieces } of page.unreadable) addTo(totals, 'quarantined', pieces)
    const minute = minuteOf(page.batch.receivedAt)
    const types = received.get(minute) ?? new Map<string, number>()
    received.set(minute, types)
    for (const { type, verdict } of page.events) {
      addTo(types, nameOf(type), 1)
      if (verdict !== 'dispatched') addTo(totals, verdict, 1)
    }
  }
  for (const types of received.values()) {
    for (const [type, n] of types) addTo(totals, `type:${type}`, n)
  }
  return { totals, series: toSeries(received) }
}
