import { cutFitting, type Fitting } from '../group-by.ts'
import { stepFor } from '../series.ts'
import { isAmong, mayHold, query, type Steps, sql } from '../steps.ts'
import type {
  AuditRow,
  Page,
  PageRequest,
  QuarantineRow,
  SeriesPoint,
  SeriesQuery,
} from '../store.ts'
import { createTraceFinder } from '../trace-finder.ts'
import type { Reading } from './port.ts'

interface QuarantineSqlRow extends Omit<QuarantineRow, 'id' | 'byteOffset' | 'receivedAt'> {
  readonly id: number
  readonly start: number
  readonly received_at: number
}

export function* listQuarantine(
  _reading: Reading,
  { limit = 50, cursor }: PageRequest,
): Steps<Page<QuarantineRow>> {
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
  const found = yield* query<QuarantineSqlRow>(
    sql`SELECT q.id, b.id AS batch, b.source, q.reason, q.detail, q.position, q.pieces, q.start, q.bytes,
      b.received_at
    FROM quarantine q JOIN batches b ON b.seq = q.batch WHERE q.id < ${before}
    ORDER BY q.id DESC LIMIT ${limit}`,
  )
  const rows = found.map(({ id, start, received_at, ...row }) => {
    return { ...row, id: String(id), byteOffset: start, receivedAt: received_at }
  })
  return { rows, cursor: rows.length === limit ? rows.at(-1)?.id : undefined }
}

export function* getQuarantine(reading: Reading, id: string): Steps<QuarantineRow | undefined> {
  if (!Number.isSafeInteger(Number(id))) return undefined
  const { rows } = yield* listQuarantine(reading, { limit: 1, cursor: String(Number(id) + 1) })
  return rows[0]?.id === id ? rows[0] : undefined
}

export function* readPiece(_reading: Reading, id: string): Steps<Uint8Array | undefined> {
  if (!Number.isSafeInteger(Number(id))) return undefined
  const [row] = yield* query<{ bytes: Uint8Array | null }>(
    sql`SELECT coalesce(q.piece, substr(b.body, CAST(q.start + 1 AS INTEGER), CAST(q.bytes AS INTEGER)))
      AS bytes
    FROM quarantine q LEFT JOIN bodies b ON b.batch = q.batch WHERE q.id = ${Number(id)}`,
  )
  return row?.bytes ?? undefined
}

interface AuditSqlRow extends Omit<AuditRow, 'id' | 'parameters' | 'counts'> {
  readonly id: number
  readonly parameters: string
  readonly counts: string
}

export function* listAudit(
  _reading: Reading,
  { limit = 50, cursor }: PageRequest,
): Steps<Page<AuditRow>> {
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
  const found = yield* query<AuditSqlRow>(
    sql`SELECT id, at, action, outcome, network, parameters, counts FROM audit
     WHERE id < ${before} ORDER BY id DESC LIMIT ${limit}`,
  )
  const rows = found.map(({ id, parameters, counts, ...row }): AuditRow => {
    return {
      ...row,
      id: String(id),
      parameters: JSON.parse(parameters),
      counts: JSON.parse(counts),
    }
  })
  return { rows, cursor: rows.length === limit ? rows.at(-1)?.id : undefined }
}

export function* countEvents(
  _reading: Reading,
  { from, to, bucketMs }: SeriesQuery,
): Steps<readonly SeriesPoint[]> {
  const rows = yield* query<SeriesPoint>(
    sql`SELECT (at - CAST(${from} AS BIGINT)) / CAST(${bucketMs} AS BIGINT) AS bucket, type,
      CAST(sum(n) AS BIGINT) AS n
    FROM event_series WHERE step = ${stepFor(bucketMs)} AND at >= ${from} AND at < ${to}
    GROUP BY 1, 2 ORDER BY 1, 2`,
  )
  return rows.map(({ bucket, type, n }) => ({ bucket, type, n }))
}

/** Enough to find every source that sends at all, and read in a moment. */
const BATCHES_LOOKED_AT = 2_000

export const LAST_BATCHES = `
  SELECT source AS name, max(received_at) AS at FROM (
    SELECT source, received_at FROM batches ORDER BY seq DESC LIMIT ${BATCHES_LOOKED_AT}) newest
  GROUP BY source`

export const PAUSED_HANDLERS =
  'SELECT name, paused_at AS at FROM handlers WHERE paused_at IS NOT NULL'

export function* readTimes(sql: string): Steps<Record<string, number>> {
  const rows = yield* query<{ name: string; at: number }>(sql)
  return Object.fromEntries(rows.map(({ name, at }) => [name, at]))
}

/** Whose bodies are read together. */
const AT_ONCE: Fitting<WaitingBatch> = {
  sizeOf: ({ body_bytes }) => body_bytes,
  most: 4 * 1024 * 1024,
  rows: 500,
}

const SELECT_OPEN = 'SELECT seq, id, body_bytes FROM batches WHERE is_open = 1 ORDER BY seq'

interface WaitingBatch {
  readonly seq: number
  readonly id: string
  readonly body_bytes: number
}

/** Looks into batches that wait to be unpacked. */
export function* findWaiting(
  reading: Reading,
  traces: readonly string[],
  among?: readonly string[],
): Steps<readonly string[]> {
  const finder = createTraceFinder(traces)
  const mayHoldOne = mayHold(reading, 'body', { patterns: finder.patterns, isBytes: true })
  const wanted = among && new Set(among)
  const open = yield* query<WaitingBatch>(SELECT_OPEN)
  const found: string[] = []
  for (const group of cutFitting(
    open.filter(({ id }) => wanted?.has(id) ?? true),
    AT_ONCE,
  )) {
    const ids = new Map(group.map(({ seq, id }) => [seq, id]))
    const isInGroup = isAmong(reading, 'batch', [...ids.keys()])
    const rows = yield* query<{ batch: number; body: Uint8Array }>(
      sql`SELECT batch, body FROM bodies WHERE ${isInGroup} AND ${mayHoldOne} ORDER BY batch`,
    )
    const hits = rows.filter(({ body }) => finder.isInBytes(body))
    found.push(...hits.flatMap(({ batch }) => ids.get(batch) ?? []))
  }
  return found
}
