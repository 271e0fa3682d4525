import {
  floorTo,
  HOUR_MS,
  MINUTE_MS,
  MINUTES_KEPT_MS,
  SERIES_PER_CALL,
  stepFor,
} from '../series.ts'
import type { SeriesPoint, SeriesQuery } from '../store.ts'
import type { Query } from './transactions.ts'

const FOLDED_AT_ONCE = 20_000

/** Counts what was unpacked by time of receipt; touches no row that is there already. */
export async function addToSeries(
  query: Query,
  receivedAt: number,
  types: ReadonlyMap<string, number>,
): Promise<void> {
  if (types.size === 0) return
  await query('INSERT INTO event_amounts SELECT $1, * FROM unnest($2::text[], $3::bigint[])', [
    floorTo(MINUTE_MS, receivedAt),
    [...types.keys()],
    [...types.values()],
  ])
}

/** Moves amounts to where they are read. Sorted: replicas that fold at once must not deadlock. */
export async function foldSeries(query: Query): Promise<void> {
  await query(
    `WITH taken AS (
       SELECT ctid FROM event_amounts LIMIT ${FOLDED_AT_ONCE} FOR UPDATE SKIP LOCKED
     ), gone AS (
       DELETE FROM event_amounts a USING taken WHERE a.ctid = taken.ctid RETURNING a.at, a.type, a.n
     ), summed AS (
       SELECT 'minute' AS step, at, type, sum(n) AS n FROM gone GROUP BY at, type
       UNION ALL
       SELECT 'hour', at - at % ${HOUR_MS}, type, sum(n) FROM gone GROUP BY at - at % ${HOUR_MS}, type
     )
     INSERT INTO event_series SELECT step, at, type, n FROM summed ORDER BY step, at, type
     ON CONFLICT (step, at, type) DO UPDATE SET n = event_series.n + excluded.n`,
  )
}

const DELETE_OLD = `
  DELETE FROM event_series WHERE (step, at, type) IN (
    SELECT step, at, type FROM event_series WHERE step = $1 AND at < $2
    ORDER BY at LIMIT ${SERIES_PER_CALL} FOR UPDATE SKIP LOCKED)`

export async function pruneSeries(query: Query, hoursBefore: number): Promise<void> {
  await foldSeries(query)
  const [newest] = await query<{ at: number | null }>(
    `SELECT max(at) AS at FROM event_series WHERE step = 'minute'`,
  )
  await query(DELETE_OLD, ['minute', (newest?.at ?? 0) - MINUTES_KEPT_MS])
  await query(DELETE_OLD, ['hour', hoursBefore])
}

const COUNT = `
  SELECT (at - $1::bigint) / $3::bigint AS bucket, type, sum(n)::bigint AS n FROM (
    SELECT at, type, n FROM event_series WHERE step = $4 AND at >= $1::bigint AND at < $2::bigint
    UNION ALL SELECT at, type, n FROM event_amounts WHERE at >= $1::bigint AND at < $2::bigint
  ) counted GROUP BY bucket, type ORDER BY bucket, type COLLATE "C"`

export async function countEvents(
  query: Query,
  { from, to, bucketMs }: SeriesQuery,
): Promise<readonly SeriesPoint[]> {
  return await query<SeriesPoint>(COUNT, [from, to, bucketMs, stepFor(bucketMs)])
}
