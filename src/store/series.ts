import { HOUR_MS } from './believed-time.ts'
import { addTo } from './group-by.ts'
import { each, query, type Steps } from './steps.ts'
import type { UnpackedPage } from './store.ts'
import type { UpkeepPort } from './upkeep/port.ts'

/** Events of a type that were received in a minute, or an hour, to be added to the series. */
export interface SeriesRow {
  readonly step: 'minute' | 'hour'
  readonly at: number
  readonly type: string
  readonly n: number
}

const MINUTE_MS = 60_000

/** Minutes are kept for so long behind the newest that is not of the future; hours as long as events. */
const MINUTES_KEPT_MS = 2 * 86_400_000

/** The series that is read for buckets of this length: never more rows than needed. */
export function stepFor(bucketMs: number): 'minute' | 'hour' {
  return bucketMs % HOUR_MS === 0 ? 'hour' : 'minute'
}

const minuteOf = (receivedAt: number): number => receivedAt - (receivedAt % MINUTE_MS)

/** Counts by type of minutes, and of the hours of which they are part. */
function toSeries(minutes: ReadonlyMap<number, ReadonlyMap<string, number>>): readonly SeriesRow[] {
  const rows = new Map<string, SeriesRow>()
  for (const [minute, types] of minutes) {
    for (const step of ['minute', 'hour'] as const) {
      const at = step === 'minute' ? minute : minute - (minute % HOUR_MS)
      for (const [type, n] of types) {
        const key = `${step} ${at} ${type}`
        rows.set(key, { step, at, type, n: n + (rows.get(key)?.n ?? 0) })
      }
    }
  }
  return [...rows.values()]
}

/** Series rows removed in one call of prune. */
const ROWS_PER_STEP = 2_000

/** A server folds the amounts later: nothing waits for what is counted at the same time. */
export const insertSeries = (engine: UpkeepPort['engine']): string =>
  `INSERT INTO event_series (step, at, type, n) VALUES (?, ?, ?, ?)
   ${engine === 'sqlite' ? 'ON CONFLICT (step, at, type) DO UPDATE SET n = n + excluded.n' : ''}`

export function* addToSeries({ engine }: UpkeepPort, rows: readonly SeriesRow[]): Steps<void> {
  yield* each(
    insertSeries(engine),
    rows.map(({ step, at, type, n }) => [step, at, type, n]),
  )
}

/** A minute of the future says nothing of how old the others are. */
export function* pruneSeries(port: UpkeepPort, hoursBefore: number): Steps<void> {
  const [newest] = yield* query<{ at: number | null }>(
    `SELECT max(at) AS at FROM event_series WHERE step = 'minute' AND at <= ${port.sqlNow()}`,
  )
  const [row, columns, others] =
    port.engine === 'sqlite'
      ? ['(step, at, type)', 'step, at, type', '']
      : ['id', 'id', 'FOR UPDATE SKIP LOCKED']
  yield* each(
    `DELETE FROM event_series WHERE ${row} IN (
       SELECT ${columns} FROM event_series WHERE step = ? AND at < ?
       ORDER BY at LIMIT ${ROWS_PER_STEP} ${others})`,
    [
      ['minute', (newest?.at ?? 0) - MINUTES_KEPT_MS],
      ['hour', hoursBefore],
    ],
  )
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
