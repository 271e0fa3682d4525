/**
 * The time by the database's clock, in milliseconds since 1970: the one clock that all replicas
 * share. It stands still during a transaction.
 */
export const NOW_MS = '(extract(epoch FROM now()) * 1000)::bigint'

/**
 * When a lease begins: when it is given. A transaction that had to wait, say for a lock, would give
 * one that has begun with the transaction, and may have ended before anybody has it.
 */
export const GIVEN_MS = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint'

/**
 * Further ahead lies no lease and no retry that we write; waits of a schedule are hours. What does was
 * written by a clock that was wrong for a while, and counts as due.
 */
const MOST_AHEAD_MS = 31 * 86_400_000

/** Later than this counts as due. */
export const TOO_FAR = `${NOW_MS} + ${MOST_AHEAD_MS}`

/**
 * Whether a lease, by the column with its end, has ended for this taker. His own never ends for him,
 * however long the database was away: only what he knows nothing of is let go.
 */
export const isOver = (column: string, taker: string): string =>
  `((${column} <= ${NOW_MS} OR ${column} > ${TOO_FAR}) AND taker IS DISTINCT FROM ${taker})`

/** Whoever takes without a lease, holds nothing. */
export const takerFor = (leaseMs: string, taker: string): string =>
  `CASE WHEN ${leaseMs} > 0 THEN ${taker}::bigint END`
