import type { Database } from './driver.ts'

/** Enough to find every source that sends at all, and read in a moment. */
const BATCHES_LOOKED_AT = 2_000

/** What the dashboard shows besides the totals. */
export function createOverview(db: Database) {
  const selectLast = db.prepare(
    `SELECT source AS name, max(received_at) AS at FROM (
       SELECT source, received_at FROM batches ORDER BY seq DESC LIMIT ${BATCHES_LOOKED_AT})
     GROUP BY source`,
  )
  const selectPaused = db.prepare(
    'SELECT name, paused_at AS at FROM handlers WHERE paused_at IS NOT NULL',
  )
  const toRecord = (rows: unknown[]): Record<string, number> =>
    Object.fromEntries((rows as { name: string; at: number }[]).map(({ name, at }) => [name, at]))

  return {
    lastBatches: () => toRecord(selectLast.all()),
    pausedHandlers: () => toRecord(selectPaused.all()),
  }
}
