import type { QuarantineRow } from '../../store/store.ts'
import { isoTime } from './iso-time.ts'

/** A run of unreadable pieces as the API shows it; its bytes have an address of their own. */
export function quarantineJson(row: QuarantineRow) {
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

export type QuarantineJson = ReturnType<typeof quarantineJson>
