import type { TraceFinder } from '../trace-finder.ts'
import type { Query } from './transactions.ts'

const SELECT_TYPES = `
  SELECT substr(name, 6) COLLATE "C" AS type FROM counters WHERE name LIKE 'type:%'
  UNION SELECT type FROM event_series UNION SELECT type FROM event_amounts`

const MOVE_COUNTERS = `
  WITH gone AS (DELETE FROM counters WHERE name = ANY($1::text[]) RETURNING n)
  INSERT INTO counters SELECT 'type:(other)', sum(n) FROM gone HAVING sum(n) <> 0`

const MOVE_AMOUNTS = `UPDATE event_amounts SET type = '(other)' WHERE type = ANY($1::text[])`

const MOVE_SERIES = `
  WITH gone AS (DELETE FROM event_series WHERE type = ANY($1::text[]) RETURNING step, at, n)
  INSERT INTO event_series SELECT step, at, '(other)', sum(n) FROM gone
    GROUP BY step, at ORDER BY step, at
  ON CONFLICT (step, at, type) DO UPDATE SET n = event_series.n + excluded.n`

/** A sender names events as it likes, after people too; the names outlive the events in the counts. */
export async function eraseNames(query: Query, finder: TraceFinder): Promise<void> {
  const types = (await query<{ type: string }>(SELECT_TYPES, []))
    .map(({ type }) => type)
    .filter(finder.isIn)
  if (types.length === 0) return
  await query(MOVE_COUNTERS, [types.map((type) => `type:${type}`)])
  // Amounts become series, so that what has just done so is met there.
  await query(MOVE_AMOUNTS, [types])
  await query(MOVE_SERIES, [types])
}
