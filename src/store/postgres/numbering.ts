import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const LOOK: TransactionPlan = { sync: 'off', timeoutMs: 10_000 }
const MEND: TransactionPlan = { sync: 'on', timeoutMs: 20_000 }

/** Of events, whose number is made of that of their batch. */
const BATCH = (highest: string) => `${highest} / 1048576`

/** Highest number in use, by table that numbers its rows itself. Each is the end of an index. */
const HIGHEST: Readonly<Record<string, { column: string; sql: string }>> = {
  batches: {
    column: 'seq',
    sql: `greatest((SELECT max(seq) FROM batches), (SELECT max(batch) FROM bodies),
      ${BATCH('(SELECT max(id) FROM events)')}, ${BATCH('(SELECT max(event) FROM jobs)')},
      ${BATCH('(SELECT max(last_event) FROM key_marks)')}, 0)`,
  },
  ...Object.fromEntries(
    ['runs', 'jobs', 'quarantine', 'counters', 'event_series', 'audit'].map((table) => [
      table,
      { column: 'id', sql: `coalesce((SELECT max(id) FROM ${table}), 0)` },
    ]),
  ),
}

const sequenceOf = (table: string, schema: string) =>
  `pg_get_serial_sequence('"${schema}".${table}', '${HIGHEST[table]?.column}')`

/**
 * Sees to it that no table hands out a number that is taken, as happens when a database is moved by
 * logical replication, which copies rows but not sequences. Answers the tables that were mended.
 */
export async function mendNumbering(transactions: Transactions): Promise<readonly string[]> {
  const { schema } = transactions
  const behind = await transactions.run(LOOK, (query) => findBehind(query, schema))
  for (const table of behind) {
    await transactions.run(MEND, (query) => mend(query, table, schema))
  }
  return behind
}

async function findBehind(query: Query, schema: string): Promise<string[]> {
  const looks = Object.entries(HIGHEST).map(
    ([table, { sql }]) =>
      `SELECT '${table}' AS name, ${sql} AS highest,
         (SELECT coalesce(last_value, 0) FROM pg_sequences
          WHERE format('%I.%I', schemaname, sequencename)::regclass =
            ${sequenceOf(table, schema)}::regclass) AS last`,
  )
  const rows = await query<{ name: string; highest: number; last: number | null }>(
    looks.join(' UNION ALL '),
  )
  return rows.filter(({ highest, last }) => highest > (last ?? 0)).map(({ name }) => name)
}

/** Nobody inserts meanwhile, so that what others have taken is seen. */
async function mend(query: Query, table: string, schema: string): Promise<void> {
  await query(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`)
  const sequence = sequenceOf(table, schema)
  await query(`SELECT setval(${sequence}, greatest(${HIGHEST[table]?.sql}, nextval(${sequence})))`)
}
