import type { TurnRequest } from '../store.ts'
import { NOW_MS } from './database-time.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 5_000 }

/**
 * `turn_at` is until when the turns of a handler are taken, in microseconds: never ahead of the clock,
 * and behind it by no more than `$4` turns. `$1` the handler, `$2` turns wanted, `$3` the time of one.
 */
const TAKE_TURNS = `
  WITH clock AS (SELECT 1000 * ${NOW_MS} AS us), asked AS MATERIALIZED (
    SELECT name, greatest(least(turn_at, us), us - $4::bigint * $3::bigint) AS since, us
    FROM handlers, clock WHERE name = $1 AND paused_at IS NULL FOR UPDATE OF handlers
  ), granted AS (
    SELECT name, since, least($2::bigint, (us - since) / $3::bigint) AS turns FROM asked
  )
  UPDATE handlers h SET turn_at = g.since + g.turns * $3::bigint
  FROM granted g WHERE h.name = g.name AND g.turns > 0 RETURNING g.turns`

/** One row, which all replicas take from: a handler with a rate has it in common. */
export async function takeTurns(
  transactions: Transactions,
  { handler, wanted, everyUs, atOnce }: TurnRequest,
): Promise<number> {
  const values = [handler, wanted, everyUs, atOnce]
  const [row] = await transactions.runOne<{ turns: number }>(PLAN, TAKE_TURNS, values)
  return Number(row?.turns ?? 0)
}
