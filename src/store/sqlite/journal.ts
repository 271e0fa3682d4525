import type { Batch, ProviderName } from '../../model.ts'
import type { OpenBatch } from '../store.ts'
import { createCounters } from './counters.ts'
import type { Database } from './driver.ts'
import type { OnEnd } from './transactions.ts'

interface OpenBatchRow {
  seq: number
  id: string
  source: string
  provider: ProviderName
  received_at: number
  content_type: string | null
  sha256: string
  unpacked_pieces: number
  body: Uint8Array
}

/** The promise behind a 200: batches as received, until they are unpacked. */
export function createJournal(db: Database, onEnd: OnEnd) {
  const counters = createCounters(db)
  // The same id twice is the same batch: a spool that is drained a second time adds nothing.
  const insert = db.prepare(
    `INSERT INTO batches (id, source, provider, received_at, content_type, sha256, body_bytes, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
  )
  const selectOpen = db.prepare(
    `SELECT seq, id, source, provider, received_at, content_type, sha256, unpacked_pieces, body
     FROM batches WHERE body IS NOT NULL AND seq > ? ORDER BY seq LIMIT 1`,
  )
  // Leases live in memory: this process is the only one on the file, so they end with it.
  const leases = new Map<number, number>()

  function append(batch: Batch): void {
    const { changes } = insert.run(
      batch.id,
      batch.source,
      batch.provider,
      batch.receivedAt,
      batch.contentType ?? null,
      batch.sha256,
      batch.body.byteLength,
      batch.body,
    )
    counters.add('batches', changes)
  }

  function takeBatch(leaseMs: number, now: number): OpenBatch | undefined {
    let row = selectOpen.get(0) as OpenBatchRow | undefined
    while (row && (leases.get(row.seq) ?? 0) > now) {
      row = selectOpen.get(row.seq) as OpenBatchRow | undefined
    }
    if (!row) return undefined
    const { seq } = row
    leases.set(seq, now + leaseMs)
    onEnd((isKept) => {
      if (!isKept) leases.delete(seq)
    })
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

  function endLease(seq: number): void {
    onEnd((isKept) => {
      if (isKept) leases.delete(seq)
    })
  }

  return { append, takeBatch, endLease }
}
