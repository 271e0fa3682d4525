/**
 * The time by the database's clock, in milliseconds since 1970: the one clock that all replicas
 * share. It stands still during a transaction.
 */
export const NOW_MS = '(extract(epoch FROM now()) * 1000)::bigint'
