import {
  floorTo,
  HOUR_MS,
  MINUTE_MS,
  MINUTES_KEPT_MS,
  SERIES_PER_CALL,
  stepFor,
} from '../series.ts'
import type { SeriesPoint, SeriesQuery } from '../store.ts'
import type { Database } from './driver.ts'

/** Counts what was unpacked by time of receipt. */
export function createSeriesWrites(db: Database) {
  const upsert = db.prepare(
    `INSERT INTO event_series VALUES (?, ?, ?, ?)
     ON CONFLICT (step, at, type) DO UPDATE SET n = n + excluded.n`,
  )
  const deleteMinutes = db.prepare(
    `DELETE FROM event_series WHERE (step, at, type) IN (
       SELECT step, at, type FROM event_series WHERE step = 'minute' AND at < ? -
         ${MINUTES_KEPT_MS} ORDER BY at LIMIT ${SERIES_PER_CALL})`,
  )
  const deleteHours = db.prepare(
    `DELETE FROM event_series WHERE (step, at, type) IN (
       SELECT step, at, type FROM event_series WHERE step = 'hour' AND at < ?
       ORDER BY at LIMIT ${SERIES_PER_CALL})`,
  )
  const selectNewest = db.prepare(`SELECT max(at) AS at FROM event_series WHERE step = 'minute'`)

  return {
    count(receivedAt: number, types: ReadonlyMap<string, number>): void {
      for (const [type, n] of types) {
        upsert.run('minute', floorTo(MINUTE_MS, receivedAt), type, n)
        upsert.run('hour', floorTo(HOUR_MS, receivedAt), type, n)
      }
    },
    prune(hoursBefore: number): void {
      deleteMinutes.run((selectNewest.get() as { at: number | null }).at ?? 0)
      deleteHours.run(hoursBefore)
    },
  }
}

export function createSeriesReads(db: Database) {
  const select = db.prepare(
    `SELECT (at - CAST(? AS INTEGER)) / CAST(? AS INTEGER) AS bucket, type, sum(n) AS n FROM event_series
     WHERE step = ? AND at >= ? AND at < ? GROUP BY bucket, type ORDER BY bucket, type`,
  )
  return {
    countEvents({ from, to, bucketMs }: SeriesQuery): readonly SeriesPoint[] {
      return select.all(from, bucketMs, stepFor(bucketMs), from, to) as SeriesPoint[]
    },
  }
}
