import type { ClaimedJob, NormalisedName, ProviderName } from '../model.ts'
import type { AttemptRow, AuditRow, EventRow, JobRow, OpenBatch, QuarantineRow } from './store.ts'

/** Rows as both engines' tables have them, and what the store's users get of them. */
export interface OpenBatchRow {
  id: string
  source: string
  provider: ProviderName
  received_at: number
  content_type: string | null
  sha256: string
  unpacked_pieces: number
  body: Uint8Array
}

export function readOpenBatch(row: OpenBatchRow): OpenBatch {
  return {
    id: row.id,
    source: row.source,
    provider: row.provider,
    receivedAt: row.received_at,
    contentType: row.content_type ?? undefined,
    sha256: row.sha256,
    unpackedPieces: row.unpacked_pieces,
    body: row.body,
  }
}

export interface ClaimedRow {
  event_id: number
  attempt: number
  fence: number
  batch: string | null
  provider: ProviderName
  source: string
  type: string
  name: NormalisedName | null
  key: string
  received_at: number
  occurred_at: number | null
  payload: string
}

export function readClaimed(row: ClaimedRow, handler: string): ClaimedJob {
  return {
    event: String(row.event_id),
    handler,
    attempt: row.attempt,
    fence: row.fence,
    batch: row.batch ?? '',
    provider: row.provider,
    source: row.source,
    type: row.type,
    name: row.name ?? undefined,
    key: row.key,
    receivedAt: row.received_at,
    occurredAt: row.occurred_at ?? undefined,
    payload: row.payload,
  }
}

export interface EventSqlRow {
  id: number
  batch: string | null
  position: number
  source: string
  provider: ProviderName
  type: string
  name: NormalisedName | null
  state: EventRow['state']
  event_id: string | null
  recipient: string | null
  message_id: string | null
  occurred_at: number | null
  received_at: number
}

export function readEventRow(row: EventSqlRow): EventRow {
  return {
    id: String(row.id),
    batch: row.batch ?? '',
    position: row.position,
    source: row.source,
    provider: row.provider,
    type: row.type,
    name: row.name ?? undefined,
    state: row.state,
    eventId: row.event_id ?? undefined,
    recipient: row.recipient ?? undefined,
    messageId: row.message_id ?? undefined,
    occurredAt: row.occurred_at ?? undefined,
    receivedAt: row.received_at,
  }
}

/** A job keeps the record of its newest attempts only; the schedule has ten. */
export const MOST_RECORDED_CHARACTERS = 65_536

export interface JobSqlRow {
  event_id: number
  handler: string
  state: JobRow['state']
  attempt: number
  due_at: number | null
  ended_at: number | null
  duration_ms: number | null
  /** A line for each attempt but the one by which the job is done; successes are from before replays. */
  failures: string | null
}

export function readJobRow(row: JobSqlRow): JobRow {
  const record = readRecord(row.failures ?? '')
  const { attempt, ended_at: endedAt, duration_ms: durationMs } = row
  const success: AttemptRow[] =
    row.state === 'done' && endedAt !== null && durationMs !== null
      ? [{ attempt, outcome: 'done', endedAt, durationMs, error: undefined }]
      : []
  return {
    event: String(row.event_id),
    handler: row.handler,
    state: row.state,
    attempt,
    dueAt: row.due_at ?? undefined,
    // An error from before a success is over.
    lastError: record.at(-1)?.error,
    attempts: [...record, ...success],
  }
}

/** The oldest line may have been cut off to keep the record short. */
function readRecord(text: string): AttemptRow[] {
  const lines = text.split('\n').filter((line) => line.startsWith('{"attempt"'))
  return lines.map((line) => JSON.parse(line) as AttemptRow)
}

export interface QuarantineSqlRow {
  id: number
  batch: string | null
  source: string
  reason: QuarantineRow['reason']
  detail: string
  position: number
  pieces: number
  byte_offset: number
  bytes: number
  received_at: number
}

export function readQuarantineRow(row: QuarantineSqlRow): QuarantineRow {
  return {
    id: String(row.id),
    batch: row.batch ?? '',
    source: row.source,
    reason: row.reason,
    detail: row.detail,
    position: row.position,
    pieces: row.pieces,
    byteOffset: row.byte_offset,
    bytes: row.bytes,
    receivedAt: row.received_at,
  }
}

export interface AuditSqlRow {
  id: number
  at: number
  action: AuditRow['action']
  outcome: AuditRow['outcome']
  network: string
  parameters: string
  counts: string
}

export function readAuditRow({
  id,
  at,
  action,
  outcome,
  network,
  ...texts
}: AuditSqlRow): AuditRow {
  const { parameters, counts } = texts
  return {
    id: String(id),
    at,
    action,
    outcome,
    network,
    parameters: JSON.parse(parameters),
    counts: JSON.parse(counts),
  }
}
