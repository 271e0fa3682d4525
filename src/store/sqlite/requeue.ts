import { createHash } from 'node:crypto'
import type { Batch, ProviderName } from '../../model.ts'
import { createCounters } from './counters.ts'
import type { Database } from './driver.ts'

interface PieceRow {
  source: string
  provider: ProviderName
  received_at: number
  pieces: number
  body: Uint8Array
}

/** Lets unreadable bytes be read again. */
export function createRequeueing(db: Database, append: (batch: Batch) => void) {
  const counters = createCounters(db)
  const selectPiece = db.prepare(
    `SELECT q.source, b.provider, q.received_at, q.pieces, q.body
     FROM quarantine q JOIN batches b ON b.seq = q.batch_seq WHERE q.id = ?`,
  )
  const deletePiece = db.prepare('DELETE FROM quarantine WHERE id = ?')

  function requeue(quarantineId: string, batchId: string): boolean {
    const piece = selectPiece.get(Number(quarantineId)) as PieceRow | undefined
    if (!piece) return false
    append({
      id: batchId,
      source: piece.source,
      provider: piece.provider,
      receivedAt: piece.received_at,
      contentType: undefined,
      sha256: createHash('sha256').update(piece.body).digest('hex'),
      body: piece.body,
    })
    deletePiece.run(Number(quarantineId))
    counters.add('quarantined', -piece.pieces)
    return true
  }

  return { requeue }
}
