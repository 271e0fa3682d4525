import { EVENT_COLUMNS } from '../event-query.ts'
import {
  type EventSqlRow,
  type JobSqlRow,
  type QuarantineSqlRow,
  readEventRow,
  readJobRow,
  readQuarantineRow,
} from '../rows.ts'
import type { Archive, EventDetail, Page, PageRequest, QuarantineRow } from '../store.ts'
import { createTraceFinder } from '../trace-finder.ts'
import { listAudit } from './audit.ts'
import { BYTES_AS_TEXT } from './erase.ts'
import { listEvents } from './event-search.ts'
import { readHealth } from './health.ts'
import { listJobs } from './job-search.ts'
import { readLastBatches, readPausedHandlers } from './overview.ts'
import { countEvents } from './series.ts'
import { readStats } from './stats.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

/** A search that takes longer would keep vacuum from its work, and nobody waits for it. */
const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 10_000, isRead: true }

const SELECT_EVENT = `
  SELECT ${EVENT_COLUMNS}, e.payload FROM events e LEFT JOIN batches b ON b.seq = e.batch_seq
  WHERE e.id = $1`

const SELECT_QUARANTINE = `
  SELECT q.id, b.id AS batch, q.source, q.reason, q.detail, q.position, q.pieces, q.byte_offset,
         length(q.body) AS bytes, q.received_at
  FROM quarantine q LEFT JOIN batches b ON b.seq = q.batch_seq
  WHERE q.id < $1 ORDER BY q.id DESC LIMIT $2`

/** What people may read, on connections of its own, beside the work. */
export function createArchive(transactions: Transactions, now: () => number): Archive {
  const read = <Result>(work: (query: Query) => Promise<Result>) => transactions.run(PLAN, work)

  return {
    stats: () => read((query) => readStats(query, now())),
    health: () => read(readHealth),
    listEvents: (request) => read((query) => listEvents(query, request, now)),
    getEvent: (id) => read((query) => getEvent(query, Number(id))),
    listJobs: (request) => read((query) => listJobs(query, request, now)),
    listQuarantine: (request) => read((query) => listQuarantine(query, request)),
    getQuarantine: (id) => read((query) => getQuarantine(query, id)),
    quarantineBody: (id) => read((query) => selectBody(query, Number(id))),
    listAudit: (request) => read((query) => listAudit(query, request)),
    findWaiting: (traces, among) => read((query) => findWaiting(query, traces, among)),
    countEvents: (request) => read((query) => countEvents(query, request)),
    lastBatches: () => read(readLastBatches),
    pausedHandlers: () => read(readPausedHandlers),
  }
}

async function getEvent(query: Query, id: number): Promise<EventDetail | undefined> {
  if (!Number.isSafeInteger(id)) return undefined
  const [row] = await query<EventSqlRow & { payload: string }>(SELECT_EVENT, [id])
  if (!row) return undefined
  const jobs = await query<JobSqlRow>('SELECT * FROM jobs WHERE event_id = $1 ORDER BY handler', [
    id,
  ])
  return { ...readEventRow(row), payload: row.payload, jobs: jobs.map(readJobRow) }
}

async function listQuarantine(query: Query, request: PageRequest): Promise<Page<QuarantineRow>> {
  const { limit = 50, cursor } = request
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
  const found = await query<QuarantineSqlRow>(SELECT_QUARANTINE, [before, limit])
  const rows = found.map(readQuarantineRow)
  const last = rows.length === limit ? rows.at(-1) : undefined
  return { rows, cursor: last?.id }
}

async function getQuarantine(query: Query, id: string): Promise<QuarantineRow | undefined> {
  if (!Number.isSafeInteger(Number(id))) return undefined
  const { rows } = await listQuarantine(query, { limit: 1, cursor: String(Number(id) + 1) })
  return rows[0]?.id === id ? rows[0] : undefined
}

async function selectBody(query: Query, id: number): Promise<Uint8Array | undefined> {
  if (!Number.isSafeInteger(id)) return undefined
  const sql = 'SELECT body FROM quarantine WHERE id = $1'
  const [row] = await query<{ body: Uint8Array }>(sql, [id])
  return row?.body
}

/** Coarsely: a batch too many is only waited for. */
async function findWaiting(
  query: Query,
  traces: readonly string[],
  among?: readonly string[],
): Promise<readonly string[]> {
  const rows = await query<{ id: string }>(
    `SELECT id FROM batches WHERE body IS NOT NULL AND ($2::text[] IS NULL OR id = ANY($2))
       AND ${BYTES_AS_TEXT} ILIKE ANY($1::text[]) ORDER BY seq`,
    [createTraceFinder(traces).patterns, among ?? null],
  )
  return rows.map(({ id }) => id)
}
