import type { SeriesRow } from '../series.ts'
import { sendingRows } from './arrays.ts'
import type { Query } from './transactions.ts'

/** Amounts by name, to be added to the totals. */
export type Amounts = ReadonlyMap<string, number>

/** Marks, of which the highest value counts, not the sum. */
const PRUNED_THROUGH = 'keys_pruned_through'
export const IS_MARK = `name IN ('${PRUNED_THROUGH}', 'clock_seen_at')`

const AMOUNTS = sendingRows<readonly [string, number]>({
  name: ['text', ([name]) => name],
  n: ['bigint', ([, n]) => n],
})
const ADD_AMOUNTS = `INSERT INTO counters (${AMOUNTS.names}) ${AMOUNTS.select}`

/** Adds rows, touches none: no transaction waits for another's. No values: there is nothing to add. */
export function addingTo(amounts: Amounts) {
  const added = [...amounts].filter(([, n]) => n !== 0)
  return { sql: ADD_AMOUNTS, values: added.length === 0 ? [] : AMOUNTS.lists(added) }
}

export async function addToCounters(query: Query, amounts: Amounts): Promise<void> {
  const { sql, values } = addingTo(amounts)
  if (values.length > 0) await query(sql, values)
}

/** The newest time of receipt of a key that was forgotten; 0 when none was. */
export async function readPrunedThrough(query: Query): Promise<number> {
  const [row] = await query<{ n: number | null }>(
    `SELECT max(n) AS n FROM counters WHERE name = '${PRUNED_THROUGH}'`,
  )
  return row?.n ?? 0
}

const SERIES = sendingRows<SeriesRow>({
  step: ['text', ({ step }) => step],
  at: ['bigint', ({ at }) => at],
  type: ['text', ({ type }) => type],
  n: ['bigint', ({ n }) => n],
})
const ADD_TO_SERIES = `INSERT INTO event_series (${SERIES.names}) ${SERIES.select}`

/** Counts what was unpacked by time of receipt; touches no row that is there already. */
export async function addToSeries(query: Query, rows: readonly SeriesRow[]): Promise<void> {
  if (rows.length > 0) await query(ADD_TO_SERIES, SERIES.lists(rows))
}

/** Fewer rows than this are read in no time. */
const MOST_ROWS = 1_000
const FOLDED_AT_ONCE = 20_000

/** Makes the amounts of a name one row. Two replicas at once take different rows. */
export async function foldCounters(query: Query): Promise<void> {
  const [found] = await query<{ n: number }>('SELECT count(*) AS n FROM counters')
  if ((found?.n ?? 0) < MOST_ROWS) return
  await query(
    `WITH taken AS (
       SELECT id FROM counters WHERE NOT ${IS_MARK}
       LIMIT ${FOLDED_AT_ONCE} FOR UPDATE SKIP LOCKED
     ), gone AS (
       DELETE FROM counters c USING taken WHERE c.id = taken.id RETURNING c.name, c.n
     )
     INSERT INTO counters (name, n)
     SELECT name, sum(n) FROM gone GROUP BY name HAVING sum(n) <> 0`,
  )
}

/** Moves amounts to the row that stays. Sorted: replicas that fold at once must not deadlock. */
export async function foldSeries(query: Query): Promise<void> {
  await query(
    `WITH taken AS (
       SELECT id FROM event_series WHERE is_folded = 0
       ORDER BY id LIMIT ${FOLDED_AT_ONCE} FOR UPDATE SKIP LOCKED
     ), gone AS (
       DELETE FROM event_series s USING taken WHERE s.id = taken.id
       RETURNING s.step, s.at, s.type, s.n
     )
     INSERT INTO event_series (step, at, type, n, is_folded)
     SELECT step, at, type, sum(n), 1 FROM gone GROUP BY step, at, type ORDER BY step, at, type
     ON CONFLICT (step, at, type) WHERE is_folded = 1
       DO UPDATE SET n = event_series.n + excluded.n`,
  )
}

const EVERY_MS = 10_000

/** Tells of a failure once, until all went well again; that the database is away is told by others. */
export function runRegularly(
  tasks: readonly (() => Promise<void>)[],
  onFailure: (detail: string) => void,
  onRecovered = () => {},
): () => void {
  let hasTold = false

  async function runAll(): Promise<void> {
    const results = await Promise.allSettled(tasks.map((task) => task()))
    const failed = results.find((result) => result.status === 'rejected')
    if (!failed) {
      if (hasTold) onRecovered()
      hasTold = false
    } else if (!hasTold && !isAway(failed.reason)) {
      hasTold = true
      onFailure(`Totals in the database could not be kept small: ${failed.reason}`)
    }
  }

  const timer = setInterval(() => void runAll(), EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

const isAway = (error: unknown): boolean => (error as { isAway?: boolean }).isAway === true
