import { ReceiverError } from '../../errors.ts'
import type { Batch } from '../../model.ts'
import { type OpenBatchRow, readOpenBatch } from '../claimed-rows.ts'
import { takeFitting } from '../group-by.ts'
import type { Journal, OpenBatch, TakeRequest } from '../store.ts'
import type { AppendedBodies } from './appended-bodies.ts'
import { listOf, sendingRows } from './arrays.ts'
import { GIVEN_MS, isOver, takerFor } from './database-time.ts'
import type { Leases } from './leases.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

/** After this a batch goes elsewhere: the provider waits for 30 s, but a queue builds up. */
const APPEND_DEADLINE_MS = 3_000
/** Less, so that the server gives up first and no statement is left behind waiting for a lock. */
const APPEND: TransactionPlan = { sync: 'on', timeoutMs: 2_000 }
const TAKE: TransactionPlan = { sync: 'off', timeoutMs: 10_000 }

const MOST_BATCHES_TOGETHER = 128
const MOST_BYTES_TOGETHER = 8 * 1024 * 1024

const BATCHES = sendingRows<Batch>({
  id: ['text', ({ id }) => id],
  source: ['text', ({ source }) => source],
  provider: ['text', ({ provider }) => provider],
  received_at: ['bigint', ({ receivedAt }) => receivedAt],
  content_type: ['text', ({ contentType }) => contentType],
  sha256: ['bytea', ({ sha256 }) => Buffer.from(sha256, 'hex')],
  body_bytes: ['integer', ({ body }) => body.byteLength],
})
/**
 * The same id twice is the same batch: a spool that is drained a second time adds nothing. Bodies are
 * taken out of their list (`$8`) where they are stored: in a row between they would be copied each time.
 */
const APPEND_BATCHES = `
  WITH given AS MATERIALIZED (
    ${BATCHES.select}, generate_subscripts($1::text[], 1) AS place
  ), appended AS (
    INSERT INTO batches (${BATCHES.names})
    SELECT ${BATCHES.names} FROM given ORDER BY place
    ON CONFLICT (id) DO NOTHING RETURNING seq, id
  )
  INSERT INTO bodies SELECT a.seq, ($8::bytea[])[g.place] FROM appended a JOIN given g USING (id)`

/** The promise behind a 200: batches as received, many in one commit. */
export function createAppending(transactions: Transactions, connections: number): Journal {
  const group = createGroupCommit<Batch>({
    commit: async (batches) => {
      const bodies = batches.map(({ body }) => body)
      const values = [...BATCHES.lists(batches), listOf('bytea', bodies)]
      await transactions.runOne(APPEND, APPEND_BATCHES, values)
    },
    sizeOf: ({ body }) => body.byteLength,
    mostGroups: connections,
    mostItems: MOST_BATCHES_TOGETHER,
    mostSize: MOST_BYTES_TOGETHER,
    deadlineMs: APPEND_DEADLINE_MS,
  })
  return { append: (batch) => group.add(batch) }
}

interface GroupCommitOptions<Item> {
  readonly commit: (items: readonly Item[]) => Promise<void>
  readonly sizeOf: (item: Item) => number
  /** Groups under way at once; what comes meanwhile is gathered. */
  readonly mostGroups: number
  readonly mostItems: number
  /** Sum of sizes; one item may be larger. */
  readonly mostSize: number
  /** From the call of `add`. After it the item is refused, though it may still be committed. */
  readonly deadlineMs: number
}

interface Waiting<Item> {
  readonly item: Item
  resolve(): void
  reject(error: unknown): void
}

const isRefusal = (error: unknown): boolean =>
  error instanceof ReceiverError && error.code === 'store_refused'

/** Gathers what waits at the same moment, so that it shares one commit. */
export function createGroupCommit<Item>(options: GroupCommitOptions<Item>) {
  const { commit, sizeOf, mostGroups, mostItems, mostSize, deadlineMs } = options
  const waiting = new Set<Waiting<Item>>()
  let groups = 0

  function takeGroup(): readonly Waiting<Item>[] {
    const limits = { sizeOf: (one: Waiting<Item>) => sizeOf(one.item), most: mostSize }
    const group = takeFitting(waiting, { ...limits, rows: mostItems })
    for (const one of group) waiting.delete(one)
    return group
  }

  async function commitGroup(group: readonly Waiting<Item>[]): Promise<void> {
    groups++
    try {
      await commit(group.map(({ item }) => item))
      for (const { resolve } of group) resolve()
    } catch (error) {
      if (group.length > 1 && isRefusal(error)) await commitSingly(group)
      else for (const { reject } of group) reject(error)
    }
    groups--
    commitWaiting()
  }

  /** One of them cannot be taken; its neighbours can. */
  async function commitSingly(group: readonly Waiting<Item>[]): Promise<void> {
    for (const { item, resolve, reject } of group) await commit([item]).then(resolve, reject)
  }

  function commitWaiting(): void {
    while (groups < mostGroups && waiting.size > 0) void commitGroup(takeGroup())
  }

  return {
    /** Resolves once the item's group is committed; rejects for the reason of its group. */
    async add(item: Item): Promise<void> {
      let timer: NodeJS.Timeout | undefined
      const settled = new Promise<void>((resolve, reject) => {
        const one: Waiting<Item> = { item, resolve, reject }
        timer = setTimeout(() => {
          waiting.delete(one)
          const detail = `PostgreSQL: no answer within ${deadlineMs} ms`
          reject(new ReceiverError('store_busy', { detail }))
        }, deadlineMs)
        waiting.add(one)
        commitWaiting()
      })
      await settled.finally(() => clearTimeout(timer))
    },
  }
}

/**
 * Sizes first, so that no more bodies are read than are wanted. `$4` is the taker, `$5` where to begin,
 * `$6` the hashes of bodies that need not be read.
 */
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
  SELECT taken.*,
    CASE WHEN NOT (sha256 = ANY($6::bytea[])) THEN encode(coalesce(body, ''), 'base64') END AS body
  FROM taken LEFT JOIN bodies ON bodies.batch = taken.seq ORDER BY seq`

interface TakenRow extends OpenBatchRow {
  /**
   * In base64; null where it is known. One that is gone is empty: its SHA-256 differs, and unpacking
   * tells of the damage.
   */
  readonly body: string | null
}

export async function takeBatches(
  transactions: Transactions,
  leases: Leases,
  appended: AppendedBodies,
  { batches, bytes, leaseMs }: TakeRequest,
): Promise<readonly OpenBatch[]> {
  leases.ms = leaseMs
  const { known } = appended
  const hashes = [...known.keys()].map((digits) => Buffer.from(digits, 'hex'))
  const read = (from: number) =>
    transactions.runOne<TakenRow>(TAKE, TAKE_BATCHES, [
      batches,
      bytes,
      leaseMs,
      leases.taker,
      from,
      listOf('bytea', hashes),
    ])
  const rows = await leases.batches.take(leaseMs, read, {
    describe: ({ seq }) => ({ name: seq, place: seq }),
  })
  const taken = rows.map((row): OpenBatch => {
    // Two thirds of what the driver's own form takes, and read several times as fast.
    const batch = readOpenBatch(row, Buffer.from(row.body ?? '', 'base64'))
    const body = row.body === null ? known.get(batch.sha256) : undefined
    return body ? { ...batch, body, isFresh: true } : batch
  })
  // Where nothing waits any more, others have taken what was known.
  appended.drop(taken.length > 0 ? taken.map(({ sha256 }) => sha256) : known.keys())
  return taken
}
