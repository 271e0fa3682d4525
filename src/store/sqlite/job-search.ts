import { readJobCursor, toJobPage } from '../job-query.ts'
import { type JobSqlRow, readJobRow } from '../rows.ts'
import { boundSearch, cutWindows } from '../search-windows.ts'
import type { JobQuery, JobRow, Page } from '../store.ts'
import type { Database } from './driver.ts'

/** One by one: asked for together, SQLite would walk over the whole table. */
const SELECT_IDS = `
  SELECT (SELECT min(event_id) FROM jobs) AS first, (SELECT max(event_id) FROM jobs) AS last`

/** Finds jobs, those of the newest events first; for a bounded time. */
export function createJobSearch(db: Database, now: () => number) {
  const selectIds = db.prepare(SELECT_IDS)

  function listJobs({ limit = 50, cursor, handler, state }: JobQuery): Page<JobRow> {
    const [event, name] = readJobCursor(cursor)
    const wanted = Object.entries({ handler, state }).filter(([, value]) => value !== undefined)
    // With the plus sign no other index leads than the jobs' order: that of a handler's pending jobs
    // would have all of them sorted for one page.
    const conditions = wanted.map(([field]) => ` AND +${field} = ?`).join('')
    // The dead are few and have an index of their own, of which SQLite has to be told.
    const table = state === 'dead' ? `jobs INDEXED BY jobs_dead` : 'jobs'
    const isDead = state === 'dead' ? ` AND state = 'dead'` : ''
    const select = db.prepare(
      `SELECT * FROM ${table} WHERE (event_id, handler) < (?, ?) AND event_id >= ? AND event_id < ?
       ${conditions}${isDead} ORDER BY event_id DESC, handler DESC LIMIT ?`,
    )
    const ids = selectIds.get() as { first: number | null; last: number | null }
    const all = boundSearch(ids, event + 1)
    const rows: JobRow[] = []
    let reached = all.before
    for (const { from, before } of cutWindows(all, now)) {
      const values = [event, name, from, before, ...wanted.map(([, value]) => value ?? '')]
      const found = select.all(...values, limit - rows.length) as unknown as JobSqlRow[]
      rows.push(...found.map(readJobRow))
      reached = from
      if (rows.length === limit) break
    }
    return toJobPage({ rows, reached: reached > all.from ? reached : undefined }, limit)
  }

  return { listJobs }
}
