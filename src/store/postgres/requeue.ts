import { addToCounters } from './counters.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'on', timeoutMs: 20_000 }

const REQUEUE = `
  WITH gone AS (
    DELETE FROM quarantine q USING batches b WHERE q.id = $1 AND b.seq = q.batch_seq
    RETURNING q.source, b.provider, q.received_at, q.pieces, q.body
  ), appended AS (
    INSERT INTO batches (id, source, provider, received_at, sha256, body_bytes, body)
    SELECT $2, source, provider, received_at, encode(sha256(body), 'hex'), length(body), body
    FROM gone
  )
  SELECT pieces AS n FROM gone`

/** Lets unreadable bytes be read again. */
export async function requeue(
  transactions: Transactions,
  quarantineId: string,
  batchId: string,
): Promise<boolean> {
  const id = Number(quarantineId)
  if (!Number.isSafeInteger(id)) return false
  return await transactions.run(PLAN, async (query) => {
    const [gone] = await query<{ n: number }>(REQUEUE, [id, batchId])
    if (gone) await addToCounters(query, new Map([['quarantined', -gone.n]]))
    return gone !== undefined
  })
}
