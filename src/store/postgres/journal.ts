import type { Batch } from '../../model.ts'
import { type OpenBatchRow, readOpenBatch } from '../claimed-rows.ts'
import type { Journal, OpenBatch, TakeRequest } from '../store.ts'
import { byteaArray, int8Array, textArray } from './arrays.ts'
import { GIVEN_MS, isOver, takerFor } from './database-time.ts'
import type { Floor } from './floors.ts'
import { createGroupCommit } from './group-commit.ts'
import type { Holdings } from './holdings.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

/** After this a batch goes elsewhere: the provider waits for 30 s, but a queue builds up. */
const APPEND_DEADLINE_MS = 3_000
/** Less, so that the server gives up first and no statement is left behind waiting for a lock. */
const APPEND: TransactionPlan = { sync: 'on', timeoutMs: 2_000 }
const TAKE: TransactionPlan = { sync: 'off', timeoutMs: 10_000 }

const MOST_BATCHES_TOGETHER = 128
const MOST_BYTES_TOGETHER = 8 * 1024 * 1024

/** The same id twice is the same batch: a spool that is drained a second time adds nothing. */
const APPEND_BATCHES = `
  WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bytea[],
      $7::bytea[]) WITH ORDINALITY
      AS b (id, source, provider, received_at, content_type, sha256, body, place)
  ), appended AS (
    INSERT INTO batches (id, source, provider, received_at, content_type, sha256, body_bytes)
    SELECT id, source, provider, received_at, content_type, sha256, length(body)
    FROM given ORDER BY place
    ON CONFLICT (id) DO NOTHING RETURNING seq, id
  )
  INSERT INTO bodies SELECT a.seq, g.body FROM appended a JOIN given g USING (id)`

/** The promise behind a 200: batches as received, many in one commit. */
export function createAppending(options: {
  transactions: Transactions
  /** Connections that it may use at once. */
  connections: number
}): Journal {
  const { transactions, connections } = options
  const group = createGroupCommit<Batch>({
    commit: async (batches) => {
      await transactions.runOne(APPEND, APPEND_BATCHES, readColumns(batches))
    },
    sizeOf: ({ body }) => body.byteLength,
    mostGroups: connections,
    mostItems: MOST_BATCHES_TOGETHER,
    mostSize: MOST_BYTES_TOGETHER,
    deadlineMs: APPEND_DEADLINE_MS,
  })
  return { append: (batch) => group.add(batch) }
}

function readColumns(batches: readonly Batch[]): unknown[] {
  return [
    textArray(batches.map(({ id }) => id)),
    textArray(batches.map(({ source }) => source)),
    textArray(batches.map(({ provider }) => provider)),
    int8Array(batches.map(({ receivedAt }) => receivedAt)),
    textArray(batches.map(({ contentType }) => contentType)),
    byteaArray(batches.map(({ sha256 }) => Buffer.from(sha256, 'hex'))),
    byteaArray(batches.map(({ body }) => body)),
  ]
}

/** Sizes first, so that no more bodies are read than are wanted. `$4` is the taker, `$5` where to begin. */
const TAKE_BATCHES = `
  WITH open AS MATERIALIZED (
    SELECT seq, body_bytes FROM batches
    WHERE is_open = 1 AND seq >= $5 AND ${isOver('leased_until', '$4')} ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED
  ), fitting AS (
    SELECT seq FROM (
      SELECT seq, body_bytes, sum(body_bytes) OVER (ORDER BY seq) AS total FROM open) sized
    WHERE total <= $2 OR total = body_bytes
  ), taken AS (
    UPDATE batches b SET leased_until = ${GIVEN_MS} + $3, taker = ${takerFor('$3', '$4')}
    FROM fitting WHERE b.seq = fitting.seq
    RETURNING b.seq, b.id AS batch_id, b.source, b.provider, b.received_at, b.content_type, b.sha256,
      b.unpacked_pieces
  )
  SELECT taken.*, encode(body, 'base64') AS body
  FROM taken JOIN bodies ON bodies.batch = taken.seq ORDER BY seq`

interface TakenRow extends OpenBatchRow {
  /** In base64. */
  readonly body: string
}

export async function takeBatches(
  transactions: Transactions,
  { batches, bytes, leaseMs }: TakeRequest,
  { taker, held, floor }: { taker: number; held: Holdings; floor: Floor },
): Promise<readonly OpenBatch[]> {
  const rows = await held.taking(async () => {
    const read = (from: number) =>
      transactions.runOne<TakenRow>(TAKE, TAKE_BATCHES, [batches, bytes, leaseMs, taker, from])
    const taken = await floor.look(read, ({ seq }) => seq)
    for (const { seq } of taken) held.hold(seq, leaseMs)
    return taken
  })
  // Two thirds of what the driver's own form takes, and read several times as fast.
  return rows.map((row) => readOpenBatch(row, Buffer.from(row.body, 'base64')))
}

const LET_GO = `
  UPDATE batches SET leased_until = 0, taker = NULL
  WHERE is_open = 1 AND taker = $1 AND NOT (seq = ANY($2::bigint[]))`

/** Batches of this taker that he knows nothing of. */
export async function letBatchesGo(
  transactions: Transactions,
  taker: number,
  but: readonly number[],
): Promise<void> {
  await transactions.runOne(TAKE, LET_GO, [taker, int8Array(but)])
}
