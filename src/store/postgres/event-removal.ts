import type { Query } from './transactions.ts'

/**
 * Takes the events away whose ids a query gives, with their jobs, out of the totals too; answers how
 * many. Their keys stay. Whoever asks has locked them.
 */
export function deleteEvents(selectIds: string): string {
  return `
  WITH old AS (${selectIds}), gone_jobs AS (
    DELETE FROM jobs j USING old WHERE j.event_id = old.id RETURNING j.handler, j.state
  ), gone AS (
    DELETE FROM events e USING old WHERE e.id = old.id RETURNING e.verdict, e.type
  ), types AS (
    SELECT DISTINCT name FROM counters WHERE name LIKE 'type:%'
  ), counted AS (
    INSERT INTO counters
    SELECT 'events', -count(*) FROM gone HAVING count(*) > 0
    UNION ALL SELECT verdict, -count(*) FROM gone WHERE verdict <> 'dispatched' GROUP BY verdict
    UNION ALL SELECT coalesce(types.name, 'type:(other)'), -count(*)
      FROM gone LEFT JOIN types ON types.name = 'type:' || gone.type GROUP BY types.name
    UNION ALL SELECT 'done:' || handler, -count(*)
      FROM gone_jobs WHERE state = 'done' GROUP BY handler
  )
  SELECT count(*) AS n FROM gone`
}

/** Likewise of unreadable pieces in quarantine. */
export function deletePieces(selectIds: string): string {
  return `
  WITH old AS (${selectIds}), gone AS (
    DELETE FROM quarantine q USING old WHERE q.id = old.id RETURNING q.pieces
  ), counted AS (
    INSERT INTO counters SELECT 'quarantined', -sum(pieces) FROM gone HAVING count(*) > 0
  )
  SELECT count(*) AS n FROM gone`
}

export async function countGone(
  query: Query,
  sql: string,
  values: readonly unknown[],
): Promise<number> {
  const [row] = await query<{ n: number }>(sql, values)
  return row?.n ?? 0
}
