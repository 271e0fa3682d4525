import type { PruneReceipt, PruneRequest } from '../store.ts'
import { setPrunedThrough } from './counters.ts'
import { countGone, deleteEvents, deletePieces } from './event-removal.ts'
import { pruneSeries } from './series.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'on', timeoutMs: 20_000 }

/** Rows looked at in one call: a long transaction would keep vacuum from its work. */
const ROWS_PER_CALL = 500
const KEYS_PER_CALL = 2_000

const SELECT_EVENTS = `
  SELECT id, received_at FROM events WHERE id > $1 ORDER BY id LIMIT ${ROWS_PER_CALL}`

/** Another replica may prune, or replay, the same events. */
const LOCK_EVENTS = `
  SELECT id FROM events WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE SKIP LOCKED`

const DELETE_EVENTS = deleteEvents(`
  SELECT e.id FROM events e WHERE e.id = ANY($1::bigint[])
    AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.event_id = e.id AND j.state = 'pending')
    AND e.received_at < CASE WHEN EXISTS (
      SELECT 1 FROM jobs j WHERE j.event_id = e.id AND j.state = 'dead') THEN $3 ELSE $2 END::bigint`)

const DELETE_KEYS = `
  WITH old AS (
    SELECT key FROM keys WHERE received_at < $1
    ORDER BY received_at LIMIT ${KEYS_PER_CALL} FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM keys k USING old WHERE k.key = old.key RETURNING k.received_at
  )
  SELECT count(*) AS n, max(received_at) AS newest FROM gone`

/** Only the first rows are looked at: they are the oldest, give or take. */
const DELETE_QUARANTINE = deletePieces(`
  SELECT id FROM quarantine WHERE received_at < $1 AND id <= (
    SELECT max(id) FROM (SELECT id FROM quarantine ORDER BY id LIMIT ${ROWS_PER_CALL}) first)
  FOR UPDATE SKIP LOCKED`)

const DELETE_BATCHES = `
  WITH old AS (
    SELECT seq FROM batches WHERE received_at < $1 AND body IS NULL AND seq <= (
      SELECT max(seq) FROM (SELECT seq FROM batches ORDER BY seq LIMIT ${ROWS_PER_CALL}) first)
    FOR UPDATE SKIP LOCKED
  ), gone AS (DELETE FROM batches b USING old WHERE b.seq = old.seq RETURNING 1)
  SELECT count(*) AS n FROM gone`

/** Forgets by age, a little at a time. Events are walked from where the call before stopped. */
export function createPruning(transactions: Transactions) {
  let lastEvent = 0

  async function pruneEvents(query: Query, request: PruneRequest) {
    const rows = await query<{ id: number; received_at: number }>(SELECT_EVENTS, [lastEvent])
    const old = rows.filter((row) => row.received_at < request.eventsBefore)
    if (old.length === 0) return { removed: 0, isDone: true, next: 0 }
    const locked = await query<{ id: number }>(LOCK_EVENTS, [old.map(({ id }) => id)])
    const removed = await countGone(query, DELETE_EVENTS, [
      locked.map(({ id }) => id),
      request.eventsBefore,
      request.deadBefore,
    ])
    return { removed, isDone: false, next: rows.at(-1)?.id ?? 0 }
  }

  async function pruneKeys(query: Query, before: number): Promise<PruneReceipt> {
    const [row] = await query<{ n: number; newest: number | null }>(DELETE_KEYS, [before])
    const removed = row?.n ?? 0
    if (row?.newest) await setPrunedThrough(query, row.newest)
    return { removed, isDone: removed < KEYS_PER_CALL }
  }

  async function prune(request: PruneRequest): Promise<PruneReceipt> {
    const { eventsBefore, deadBefore, keysBefore } = request
    // A batch's row is small and tells where its events came from: it stays as long as any may.
    const batchesBefore = Math.min(deadBefore, eventsBefore)
    const events = await transactions.run(PLAN, (query) => pruneEvents(query, request))
    lastEvent = events.next
    const keys = await transactions.run(PLAN, (query) => pruneKeys(query, keysBefore))
    const others = await transactions.run(PLAN, async (query) => {
      await pruneSeries(query, eventsBefore)
      const quarantined = await countGone(query, DELETE_QUARANTINE, [deadBefore])
      return quarantined + (await countGone(query, DELETE_BATCHES, [batchesBefore]))
    })
    return {
      removed: events.removed + keys.removed + others,
      isDone: events.isDone && keys.isDone && others === 0,
    }
  }

  return { prune }
}
