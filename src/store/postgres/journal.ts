import type { Batch } from '../../model.ts'
import { type OpenBatchRow, readOpenBatch } from '../rows.ts'
import type { Journal, OpenBatch } from '../store.ts'
import { NOW_MS } from './database-time.ts'
import { createGroupCommit } from './group-commit.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

/** After this a batch goes elsewhere: the provider waits for 30 s, but a queue builds up. */
const APPEND_DEADLINE_MS = 3_000
/** Less, so that the server gives up first and no statement is left behind waiting for a lock. */
const APPEND: TransactionPlan = { sync: 'on', timeoutMs: 2_000 }
const TAKE: TransactionPlan = { sync: 'off', timeoutMs: 10_000 }

const MOST_BATCHES_TOGETHER = 128
const MOST_BYTES_TOGETHER = 8 * 1024 * 1024

/** The promise behind a 200: batches as received, many in one commit. */
export function createAppending(options: {
  transactions: Transactions
  /** Connections that it may use at once. */
  connections: number
}): Journal {
  const { transactions, connections } = options
  const group = createGroupCommit<Batch>({
    commit: async (batches) => {
      await transactions.runOne(APPEND, insertBatches(batches.length), readColumns(batches))
    },
    sizeOf: ({ body }) => body.byteLength,
    mostGroups: connections,
    mostItems: MOST_BATCHES_TOGETHER,
    mostSize: MOST_BYTES_TOGETHER,
    deadlineMs: APPEND_DEADLINE_MS,
  })
  return { append: (batch) => group.add(batch) }
}

/**
 * The same id twice is the same batch: a spool that is drained a second time adds nothing. Bodies
 * are parameters of their own, which go over the wire as bytes; within a list they would be hex.
 */
function insertBatches(count: number): string {
  const bodies = Array.from({ length: count }, (_, index) => `$${index + 8}::bytea`)
  return `INSERT INTO batches
      (id, source, provider, received_at, content_type, sha256, body_bytes, body)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[],
      $7::integer[], ARRAY[${bodies}])
    ON CONFLICT (id) DO NOTHING`
}

function readColumns(batches: readonly Batch[]): unknown[] {
  return [
    batches.map(({ id }) => id),
    batches.map(({ source }) => source),
    batches.map(({ provider }) => provider),
    batches.map(({ receivedAt }) => receivedAt),
    batches.map(({ contentType }) => contentType ?? null),
    batches.map(({ sha256 }) => sha256),
    batches.map(({ body }) => body.byteLength),
    ...batches.map(({ body }) => body),
  ]
}

const TAKE_BATCH = `
  UPDATE batches SET leased_until = ${NOW_MS} + $1
  WHERE seq = (
    SELECT seq FROM batches WHERE body IS NOT NULL AND leased_until <= ${NOW_MS}
    ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED
  )
  RETURNING id, source, provider, received_at, content_type, sha256, unpacked_pieces, body`

export async function takeBatch(
  transactions: Transactions,
  leaseMs: number,
): Promise<OpenBatch | undefined> {
  const [row] = await transactions.runOne<OpenBatchRow>(TAKE, TAKE_BATCH, [leaseMs])
  return row && readOpenBatch(row)
}
