import type { Batch } from '../../model.ts'
import { type OpenBatchRow, readOpenBatch } from '../claimed-rows.ts'
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
  const fresh = createFreshBodies()

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
      if (isKept) fresh.keep(seq, batch.body)
    })
    return true
  }

  return { append, ...createTaking(db, { transactions, elapsedMs, fresh }) }
}

export type Journal = ReturnType<typeof createJournal>

/** Who has which batch to unpack: in memory, as this process is the only one on the file. */
function createTaking(
  db: Database,
  parts: {
    readonly transactions: Transactions
    readonly elapsedMs: () => number
    readonly fresh: ReturnType<typeof createFreshBodies>
  },
) {
  const { transactions, elapsedMs, fresh } = parts
  const selectOpen = db.prepare(
    `SELECT seq, id AS batch_id, source, provider, received_at, content_type, sha256, body_bytes, unpacked_pieces
     FROM batches WHERE is_open = 1 AND seq > ? ORDER BY seq LIMIT ${ROWS_TOGETHER}`,
  )
  const selectBody = db.prepare('SELECT body FROM bodies WHERE batch = ?')
  const leases = new Map<number, number>()

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

  function readBody(seq: number): Uint8Array {
    const row = selectBody.get(seq) as { body: Uint8Array } | undefined
    // Without a row it is unpacked as damaged: its SHA-256 differs.
    return row?.body ?? new Uint8Array()
  }

  return {
    takeBatches(request: TakeRequest): readonly OpenBatch[] {
      const rows = findFree(request)
      const until = elapsedMs() + request.leaseMs
      return rows.map((row) => {
        leases.set(row.seq, until)
        const body = fresh.take(row.seq)
        return { ...readOpenBatch(row, body ?? readBody(row.seq)), isFresh: body !== undefined }
      })
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

function createFreshBodies() {
  /** In the order in which they are taken. */
  const kept: { readonly seq: number; readonly body: Uint8Array }[] = []
  let bytes = 0
  return {
    keep(seq: number, body: Uint8Array): void {
      if (bytes + body.byteLength > MOST_KEPT_BYTES) return
      kept.push({ seq, body })
      bytes += body.byteLength
    },
    take(seq: number): Uint8Array | undefined {
      // Those before it are of batches that are gone.
      for (let [first] = kept; first && first.seq <= seq; [first] = kept) {
        kept.shift()
        bytes -= first.body.byteLength
        if (first.seq === seq) return first.body
      }
      return undefined
    },
  }
}
