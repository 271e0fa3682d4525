import type { Batch } from '../../model.ts'
import { type OpenBatchRow, readOpenBatch } from '../rows.ts'
import type { OpenBatch } from '../store.ts'
import { createCounters } from './counters.ts'
import type { Database } from './driver.ts'
import type { OnEnd } from './transactions.ts'

type SeqRow = OpenBatchRow & { seq: number }

/** The promise behind a 200: batches as received, until they are unpacked. */
export function createJournal(db: Database, onEnd: OnEnd) {
  const counters = createCounters(db)
  // The same id twice is the same batch: a spool that is drained a second time adds nothing. Left to
  // itself, SQLite would give the number of a newest batch that was pruned to the next one, and with
  // it the events of the old one that are still pending.
  const insert = db.prepare(
    `INSERT INTO batches
       (seq, id, source, provider, received_at, content_type, sha256, body_bytes, body)
     VALUES (1 + max(ifnull((SELECT max(seq) FROM batches), 0),
                     ifnull((SELECT n FROM counters WHERE name = 'batches'), 0)),
       ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
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
    let row = selectOpen.get(0) as SeqRow | undefined
    while (row && (leases.get(row.seq) ?? 0) > now) {
      row = selectOpen.get(row.seq) as SeqRow | undefined
    }
    if (!row) return undefined
    const { seq } = row
    leases.set(seq, now + leaseMs)
    onEnd((isKept) => {
      if (!isKept) leases.delete(seq)
    })
    return readOpenBatch(row)
  }

  function endLease(seq: number): void {
    onEnd((isKept) => {
      if (isKept) leases.delete(seq)
    })
  }

  return { append, takeBatch, endLease }
}
