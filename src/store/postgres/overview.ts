import type { Query } from './transactions.ts'

/** Enough to find every source that sends at all, and read in a moment. */
const BATCHES_LOOKED_AT = 2_000

const LAST_BATCHES = `
  SELECT source AS name, max(received_at) AS at FROM (
    SELECT source, received_at FROM batches ORDER BY seq DESC LIMIT ${BATCHES_LOOKED_AT}) newest
  GROUP BY source`

const PAUSED = 'SELECT name, paused_at AS at FROM handlers WHERE paused_at IS NOT NULL'

export const readLastBatches = (query: Query) => readTimes(query, LAST_BATCHES)
export const readPausedHandlers = (query: Query) => readTimes(query, PAUSED)

async function readTimes(query: Query, sql: string): Promise<Record<string, number>> {
  const rows = await query<{ name: string; at: number }>(sql)
  return Object.fromEntries(rows.map(({ name, at }) => [name, at]))
}
