import type { Query } from './transactions.ts'

/** Amounts by name, to be added to the totals. */
export type Amounts = ReadonlyMap<string, number>

/** The one name whose newest value counts, not the sum. */
const PRUNED_THROUGH = 'keys_pruned_through'

/** Adds rows, touches none: no transaction waits for another's. */
export async function addToCounters(query: Query, amounts: Amounts): Promise<void> {
  const added = [...amounts].filter(([, n]) => n !== 0)
  if (added.length === 0) return
  await query('INSERT INTO counters SELECT * FROM unnest($1::text[], $2::bigint[])', [
    added.map(([name]) => name),
    added.map(([, n]) => n),
  ])
}

/** The newest time of receipt of a key that was forgotten; 0 when none was. */
export async function readPrunedThrough(query: Query): Promise<number> {
  const [row] = await query<{ n: number }>(
    `SELECT coalesce(max(n), 0) AS n FROM counters WHERE name = '${PRUNED_THROUGH}'`,
  )
  return row?.n ?? 0
}

export async function setPrunedThrough(query: Query, receivedAt: number): Promise<void> {
  await query(`INSERT INTO counters VALUES ('${PRUNED_THROUGH}', $1)`, [receivedAt])
  await query(
    `DELETE FROM counters WHERE name = '${PRUNED_THROUGH}' AND n <
       (SELECT max(n) FROM counters WHERE name = '${PRUNED_THROUGH}')`,
  )
}

/** Fewer rows than this are read in no time. */
const MOST_ROWS = 1_000
const FOLDED_AT_ONCE = 20_000

/** Makes the amounts of a name one row. Two replicas at once take different rows. */
export async function foldCounters(query: Query): Promise<void> {
  const [found] = await query<{ n: number }>('SELECT count(*) AS n FROM counters')
  if ((found?.n ?? 0) < MOST_ROWS) return
  await query(
    `WITH taken AS (
       SELECT ctid FROM counters WHERE name <> '${PRUNED_THROUGH}'
       LIMIT ${FOLDED_AT_ONCE} FOR UPDATE SKIP LOCKED
     ), gone AS (
       DELETE FROM counters c USING taken WHERE c.ctid = taken.ctid RETURNING c.name, c.n
     )
     INSERT INTO counters SELECT name, sum(n) FROM gone GROUP BY name HAVING sum(n) <> 0`,
  )
}

/** Types beyond this many are counted together, so that a hostile sender cannot grow the table. */
const MOST_COUNTED_TYPES = 200

/** Answers the name under which each type is counted. */
export type NameTypes = (query: Query, types: Iterable<string>) => Promise<(type: string) => string>

/** Looks up only types that were not seen before. */
export function createTypeNames(): NameTypes {
  let known = new Set<string>()

  return async (query, types) => {
    const isNew = (type: string) => !known.has(nameOfType(type))
    const strange = [...types].filter(isNew)
    if (strange.length > 0 && known.size < MOST_COUNTED_TYPES) {
      const rows = await query<{ name: string }>(
        `SELECT DISTINCT name FROM counters WHERE name LIKE 'type:%'`,
      )
      known = new Set([...known, ...rows.map(({ name }) => name)])
      for (const type of strange) if (known.size < MOST_COUNTED_TYPES) known.add(nameOfType(type))
    }
    return (type) => (isNew(type) ? '(other)' : type)
  }
}

/** Of the counter. */
export const nameOfType = (type: string): string => `type:${type}`
