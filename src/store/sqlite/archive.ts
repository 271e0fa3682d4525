import { EVENT_COLUMNS } from '../event-query.ts'
import {
  type EventSqlRow,
  type JobSqlRow,
  type QuarantineSqlRow,
  readEventRow,
  readJobRow,
  readQuarantineRow,
} from '../rows.ts'
import type { EventDetail, Page, PageRequest, QuarantineRow } from '../store.ts'
import { createAuditList } from './audit.ts'
import type { Database } from './driver.ts'
import { createEventSearch } from './event-search.ts'
import { createJobSearch } from './job-search.ts'
import { createOverview } from './overview.ts'
import { createSeriesReads } from './series.ts'
import { createStats } from './stats.ts'
import { createWaitingSearch } from './waiting-search.ts'

/** What people may read. Runs on a connection of its own, beside the writer. */
export function createArchive(db: Database, now: () => number) {
  const { listEvents } = createEventSearch(db, now)
  const { listJobs } = createJobSearch(db, now)
  const { stats } = createStats(db, now)
  const { listAudit } = createAuditList(db)
  const { findWaiting } = createWaitingSearch(db)
  const selectEvent = db.prepare(
    `SELECT ${EVENT_COLUMNS}, e.payload FROM events e LEFT JOIN batches b ON b.seq = e.batch_seq WHERE e.id = ?`,
  )
  const selectJobs = db.prepare('SELECT * FROM jobs WHERE event_id = ? ORDER BY handler')
  const selectQuarantine = db.prepare(
    `SELECT q.id, b.id AS batch, q.source, q.reason, q.detail, q.position, q.pieces, q.byte_offset,
            length(q.body) AS bytes, q.received_at
     FROM quarantine q LEFT JOIN batches b ON b.seq = q.batch_seq
     WHERE q.id < ? ORDER BY q.id DESC LIMIT ?`,
  )
  const selectBody = db.prepare('SELECT body FROM quarantine WHERE id = ?')

  function getEvent(id: string): EventDetail | undefined {
    const row = selectEvent.get(Number(id)) as (EventSqlRow & { payload: string }) | undefined
    if (!row) return undefined
    const jobs = (selectJobs.all(row.id) as JobSqlRow[]).map(readJobRow)
    return { ...readEventRow(row), payload: row.payload, jobs }
  }

  function listQuarantine(query: PageRequest): Page<QuarantineRow> {
    const limit = query.limit ?? 50
    const before = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(query.cursor)
    const rows = (selectQuarantine.all(before, limit) as QuarantineSqlRow[]).map(readQuarantineRow)
    const last = rows.length === limit ? rows.at(-1) : undefined
    return { rows, cursor: last?.id }
  }

  function getQuarantine(id: string): QuarantineRow | undefined {
    const [row] = listQuarantine({ limit: 1, cursor: String(Number(id) + 1) }).rows
    return row?.id === id ? row : undefined
  }

  function quarantineBody(id: string): Uint8Array | undefined {
    return (selectBody.get(Number(id)) as { body: Uint8Array } | undefined)?.body
  }

  return {
    stats,
    listEvents,
    getEvent,
    listJobs,
    listQuarantine,
    getQuarantine,
    quarantineBody,
    listAudit,
    findWaiting,
    ...createSeriesReads(db),
    ...createOverview(db),
  }
}
