import type { Batch } from '../../model.ts'
import { type OpenBatchRow, readOpenBatch } from '../claimed-rows.ts'
import type { OpenBatch, TakeRequest } from '../store.ts'
import type { Counters } from './counters.ts'
import type { Database } from './driver.ts'
import { Fresh } from './fresh.ts'
import type { Transactions } from './transactions.ts'

/**
 * Batches that were just appended and wait for their turn are kept as they are, up to so much
 * together: to find one takes 0.15 ms, to read 178 KB back 0.1 ms.
 */
const MOST_KEPT = { rows: Number.POSITIVE_INFINITY, bytes: 16 * 1024 * 1024 }

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
  const { keep, ...taking } = createTaking(db, { transactions, elapsedMs })

  /** Within a transaction. False: a batch with this id is there. */
  function append(batch: Batch): boolean {
    // Never given twice, also when the newest rows are gone: what points to a batch would then point to
    // another one's events.
    const seq = counters.get('last_batch') + 1
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
    counters.add('batches', 1)
    counters.set('last_batch', seq)
    transactions.onEnd((isKept) => {
      if (isKept) keep({ ...batch, seq, unpackedPieces: 0, isFresh: true })
    })
    return true
  }

  return { append, ...taking }
}

export type Journal = ReturnType<typeof createJournal>

/** Who has which batch to unpack: in memory, as this process is the only one on the file. */
function createTaking(
  db: Database,
  { transactions, elapsedMs }: { transactions: Transactions; elapsedMs: () => number },
) {
  const selectOpen = db.prepare(
    `SELECT seq, id AS batch_id, source, provider, received_at, content_type, sha256, body_bytes, unpacked_pieces
     FROM batches WHERE is_open = 1 AND seq > ? ORDER BY seq LIMIT ${ROWS_TOGETHER}`,
  )
  const selectBody = db.prepare('SELECT body FROM bodies WHERE batch = ?')
  const leases = new Map<number, number>()
  const fresh = new Fresh<OpenBatch>(MOST_KEPT)
  /** Every batch that waits is among these, or in somebody's hands. */
  let hasAllFresh = false

  /** Those that are in nobody's hands; `isAll`: there are no others. */
  function findFree(request: TakeRequest): { rows: OpenRow[]; isAll: boolean } {
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
        if (isTooMuch || free.length >= request.batches) return { rows: free, isAll: false }
        free.push(row)
      }
      if (rows.length < ROWS_TOGETHER) return { rows: free, isAll: true }
      after = rows.at(-1)?.seq ?? 0
    }
  }

  function readBody(seq: number): Uint8Array {
    const row = selectBody.get(seq) as { body: Uint8Array } | undefined
    // Without a row it is unpacked as damaged: its SHA-256 differs.
    return row?.body ?? new Uint8Array()
  }

  function readFree(request: TakeRequest): readonly OpenBatch[] {
    const { rows, isAll } = findFree(request)
    const batches = rows.map((row) => fresh.take(row.seq) ?? readOpenBatch(row, readBody(row.seq)))
    hasAllFresh = isAll
    // Whatever is left is of batches that are gone.
    if (isAll) fresh.clear()
    return batches
  }

  function hasExpired(): boolean {
    const now = elapsedMs()
    for (const until of leases.values()) if (until <= now) return true
    return false
  }

  return {
    /** A batch was stored, and waits. */
    keep(batch: OpenBatch): void {
      hasAllFresh = fresh.keep(batch.seq, batch.body.byteLength, () => batch) && hasAllFresh
    },
    takeBatches(request: TakeRequest): readonly OpenBatch[] {
      const { batches: rows, bytes: most } = request
      const isKnown = hasAllFresh && !hasExpired()
      const taken = isKnown ? fresh.takeFirst({ rows, most }) : readFree(request)
      const until = elapsedMs() + request.leaseMs
      for (const { seq } of taken) leases.set(seq, until)
      return taken
    },
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
