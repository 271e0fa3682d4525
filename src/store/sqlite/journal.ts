import type { Batch } from '../../model.ts'
import { type OpenBatchRow, readOpenBatch } from '../claimed-rows.ts'
import { batchOf } from '../event-id.ts'
import type { OpenBatch, TakeRequest } from '../store.ts'
import type { Counters } from './counters.ts'
import type { Database } from './driver.ts'
import type { Transactions } from './transactions.ts'

/**
 * Bodies that were just appended and wait for their turn are kept as they are, up to so much
 * together: reading 178 KB back takes 0.1 ms.
 */
const MOST_KEPT_BYTES = 16 * 1024 * 1024

const ROWS_TOGETHER = 64

interface OpenRow extends OpenBatchRow {
  readonly body_bytes: number
}

/** The promise behind a 200: batches as received, until they are unpacked. */
export function createJournal(
  db: Database,
  parts: {
    readonly transactions: Transactions
    readonly counters: Counters
    readonly elapsedMs: () => number
  },
) {
  const { transactions, counters, elapsedMs } = parts
  // The same id twice is the same batch: a spool that is drained a second time adds nothing.
  const insertBatch = db.prepare(
    `INSERT INTO batches (seq, id, source, provider, received_at, content_type, sha256, body_bytes)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
  )
  const insertBody = db.prepare('INSERT INTO bodies VALUES (?, ?)')
  const selectOpen = db.prepare(
    `SELECT seq, id AS batch_id, source, provider, received_at, content_type, sha256, body_bytes, unpacked_pieces
     FROM batches WHERE is_open = 1 AND seq > ? ORDER BY seq LIMIT ${ROWS_TOGETHER}`,
  )
  const selectBody = db.prepare('SELECT body FROM bodies WHERE batch = ?')
  // Leases live in memory: this process is the only one on the file, so they end with it.
  const leases = new Map<number, number>()
  const kept = new Map<number, Uint8Array>()
  let keptBytes = 0
  let lastSeq = findLastBatch(db, counters)

  /** Within a transaction. False: a batch with this id is there. */
  function append(batch: Batch): boolean {
    const seq = lastSeq + 1
    const { changes } = insertBatch.run(
      seq,
      batch.id,
      batch.source,
      batch.provider,
      batch.receivedAt,
      batch.contentType ?? null,
      Buffer.from(batch.sha256, 'hex'),
      batch.body.byteLength,
    )
    if (changes === 0) return false
    insertBody.run(seq, batch.body)
    lastSeq = seq
    counters.add('batches', 1)
    counters.set('last_batch', seq)
    transactions.onEnd((isKept) => {
      // A number is given again only if nobody can have heard of it.
      if (!isKept) lastSeq = Math.min(lastSeq, seq - 1)
      else keepBody(seq, batch.body)
    })
    return true
  }

  function keepBody(seq: number, body: Uint8Array): void {
    if (keptBytes + body.byteLength > MOST_KEPT_BYTES) return
    kept.set(seq, body)
    keptBytes += body.byteLength
  }

  function takeBody(seq: number) {
    const body = kept.get(seq)
    if (!body) {
      const row = selectBody.get(seq) as { body: Uint8Array } | undefined
      // Without a row it is unpacked as damaged: its SHA-256 differs.
      return { body: row?.body ?? new Uint8Array(), isFresh: false }
    }
    kept.delete(seq)
    keptBytes -= body.byteLength
    return { body, isFresh: true }
  }

  function findFree(request: TakeRequest): OpenRow[] {
    const now = elapsedMs()
    const free: OpenRow[] = []
    let bytes = 0
    let after = 0
    for (;;) {
      const rows = selectOpen.all(after) as unknown as OpenRow[]
      for (const row of rows) {
        if ((leases.get(row.seq) ?? Number.NEGATIVE_INFINITY) > now) continue
        bytes += row.body_bytes
        const isTooMuch = free.length > 0 && bytes > request.bytes
        if (isTooMuch || free.length >= request.batches) return free
        free.push(row)
      }
      if (rows.length < ROWS_TOGETHER) return free
      after = rows.at(-1)?.seq ?? 0
    }
  }

  function takeBatches(request: TakeRequest): readonly OpenBatch[] {
    const rows = findFree(request)
    const until = elapsedMs() + request.leaseMs
    return rows.map((row) => {
      leases.set(row.seq, until)
      const { body, isFresh } = takeBody(row.seq)
      return { ...readOpenBatch(row, body), isFresh }
    })
  }

  return {
    append,
    takeBatches,
    extend(batches: readonly number[], leaseMs: number): void {
      const until = elapsedMs() + leaseMs
      for (const seq of batches) if (leases.has(seq)) leases.set(seq, until)
    },
    /** Within a transaction: the batch is unpacked. */
    endLease(seq: number): void {
      transactions.onEnd((isKept) => {
        if (isKept) leases.delete(seq)
      })
    },
  }
}

export type Journal = ReturnType<typeof createJournal>

/**
 * A number is never given twice, also when the newest rows are gone: what points to a batch would
 * then point to another one's events.
 */
function findLastBatch(db: Database, counters: Counters): number {
  const { batch, event, key } = db
    .prepare(
      `SELECT (SELECT max(seq) FROM batches) AS batch, (SELECT max(id) FROM events) AS event,
         (SELECT max(last_event) FROM key_marks) AS key`,
    )
    .get() as { batch: number | null; event: number | null; key: number | null }
  return Math.max(
    batch ?? 0,
    batchOf(event ?? 0),
    batchOf(key ?? 0),
    counters.get('batches'),
    counters.get('last_batch'),
  )
}
