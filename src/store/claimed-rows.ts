import type { ProviderName } from '../model.ts'
import { batchOf } from './event-id.ts'
import type { BatchFacts, ClaimedJob, OpenBatch } from './store.ts'

/** What both engines read of work that is handed out. Of a batch; nulls are of one that is gone. */
export interface BatchRow {
  readonly batch_id: string | null
  readonly source: string
  readonly provider: ProviderName
  readonly received_at: number
}

/** A batch that waits. */
export interface OpenBatchRow extends BatchRow {
  readonly seq: number
  readonly content_type: string | null
  readonly sha256: Uint8Array
  readonly unpacked_pieces: number
}

/** A job that is due, but for its bytes. */
export interface JobRow extends BatchRow {
  readonly event: number
  readonly attempt: number
  readonly spared: number
  readonly fence: number
  readonly alone: number
  readonly key: Uint8Array | null
  readonly type: string | null
}

export function readBatch(row: BatchRow, seq: number): BatchFacts {
  return {
    seq,
    id: row.batch_id ?? '',
    source: row.source,
    provider: row.provider,
    receivedAt: row.received_at,
  }
}

export function readOpenBatch(row: OpenBatchRow, body: Uint8Array): OpenBatch {
  return {
    ...readBatch(row, row.seq),
    contentType: row.content_type ?? undefined,
    sha256: Buffer.from(row.sha256).toString('hex'),
    unpackedPieces: row.unpacked_pieces,
    body,
  }
}

export function readJob(row: JobRow, handler: string, payload: Uint8Array): ClaimedJob {
  const { event, attempt, fence } = row
  return {
    event,
    handler,
    attempt,
    counted: attempt - row.spared,
    fence,
    isAlone: row.alone === 1,
    batch: readBatch(row, batchOf(event)),
    key: row.key ?? new Uint8Array(16),
    type: row.type ?? '',
    payload,
  }
}
