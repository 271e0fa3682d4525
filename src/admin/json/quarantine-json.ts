import { z } from 'zod'
import { QUARANTINE_REASONS } from '../../model.ts'
import type { QuarantineRow } from '../../store/store.ts'
import { isoTime } from './iso-time.ts'
import { TIME_JSON } from './time-schema.ts'

/** A run of unreadable pieces as the API shows it; its bytes have an address of their own. */
export const QUARANTINE_JSON = z.object({
  id: z.string(),
  batch: z.string(),
  source: z.string(),
  reason: z.enum(QUARANTINE_REASONS),
  detail: z.string().describe('What the reader said.'),
  position: z.number().describe('Of the first piece in the batch, from 0.'),
  pieces: z.number(),
  byte_offset: z.number().describe('Where its bytes begin in the body.'),
  bytes: z.number(),
  received_at: TIME_JSON,
})

export type QuarantineJson = z.output<typeof QUARANTINE_JSON>

export function quarantineJson(row: QuarantineRow): QuarantineJson {
  return {
    id: row.id,
    batch: row.batch,
    source: row.source,
    reason: row.reason,
    detail: row.detail,
    position: row.position,
    pieces: row.pieces,
    byte_offset: row.byteOffset,
    bytes: row.bytes,
    received_at: isoTime(row.receivedAt),
  }
}
