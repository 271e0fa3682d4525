import { readJobCursor, toJobPage } from '../job-query.ts'
import { type JobSqlRow, readJobRow } from '../rows.ts'
import { boundSearch, cutWindows } from '../search-windows.ts'
import type { JobQuery, JobRow, Page } from '../store.ts'
import type { Query } from './transactions.ts'

const SELECT_IDS = 'SELECT min(event_id) AS first, max(event_id) AS last FROM jobs'

const SELECT_JOBS = `
  SELECT * FROM jobs WHERE (event_id, handler) < ($1, $2) AND event_id >= $3 AND event_id < $4
    AND ($5::text IS NULL OR handler = $5) AND ($6::text IS NULL OR state = $6)
  ORDER BY event_id DESC, handler DESC LIMIT $7`

/** Finds jobs, those of the newest events first; for a bounded time. */
export async function listJobs(
  query: Query,
  request: JobQuery,
  now: () => number,
): Promise<Page<JobRow>> {
  const { limit = 50, cursor, handler, state } = request
  const [event, name] = readJobCursor(cursor)
  if ([name, handler].some((text) => text?.includes('\0'))) return { rows: [], cursor: undefined }
  const [ids] = await query<{ first: number | null; last: number | null }>(SELECT_IDS)
  const all = boundSearch(ids, event + 1)
  const rows: JobRow[] = []
  let reached = all.before
  for (const { from, before } of cutWindows(all, now)) {
    const filters = [handler ?? null, state ?? null]
    const values = [event, name, from, before, ...filters, limit - rows.length]
    rows.push(...(await query<JobSqlRow>(SELECT_JOBS, values)).map(readJobRow))
    reached = from
    if (rows.length === limit) break
  }
  return toJobPage({ rows, reached: reached > all.from ? reached : undefined }, limit)
}
