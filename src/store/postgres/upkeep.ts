import type { Batch } from '../../model.ts'
import { makeBits } from '../run-bits.ts'
import { each, query, type Steps, sql } from '../steps.ts'
import { HINTS_AFTER, type Promised, type StoreHint } from '../store.ts'
import { createOperations, type UpkeepOperations } from '../upkeep/operations.ts'
import type { UpkeepPort } from '../upkeep/port.ts'
import { addingTo, IS_MARK } from './counters.ts'
import { NOW_MS } from './database-time.ts'
import { createKeyPruning, type KeyMarks } from './keys.ts'
import { type TransactionPlan, type Transactions, takeSteps } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'on', timeoutMs: 20_000 }

/** Held by the one replica that prunes; the others have nothing to do meanwhile. */
const PRUNING = 7_264_310_927

/** What people have done, and what time does. */
export function createUpkeep(
  transactions: Transactions,
  parts: {
    readonly marks: KeyMarks
    readonly now: () => number
    readonly tell: (hint: StoreHint) => void
  },
): Promised<UpkeepOperations> {
  const { marks, now, tell } = parts

  return createOperations(createUpkeepPort(now), async (name, begin) => {
    if (name === 'prune') await marks.flush()
    // Begun anew whenever the transaction is tried again.
    const answer = await transactions.run(PLAN, (ask) => takeSteps(ask, begin()))
    const hint = HINTS_AFTER[name]
    if (hint) tell(hint)
    return answer
  }) as Promised<UpkeepOperations>
}

const createUpkeepPort = (now: () => number): UpkeepPort => ({
  engine: 'postgres',
  now,
  sqlNow: () => NOW_MS,
  totals: { add, read, set, move },
  wholeBatches,
  addRuns,
  append,
  pruneKeys: createKeyPruning({ read, set }, now),
  mayPrune,
})

function* add(amounts: ReadonlyMap<string, number>): Steps<void> {
  const adding = addingTo(amounts)
  if (adding.values.length > 0) yield* query(adding)
}

function* read(): Steps<ReadonlyMap<string, number>> {
  const rows = yield* query<{ name: string; n: number }>(
    `SELECT name, CASE WHEN ${IS_MARK} THEN max(n) ELSE sum(n) END AS n FROM counters GROUP BY name`,
  )
  return new Map(rows.map(({ name, n }) => [name, n]))
}

function* set(mark: string, n: number): Steps<void> {
  yield* query(sql`DELETE FROM counters WHERE name = ${mark}`)
  yield* query(sql`INSERT INTO counters (name, n) VALUES (${mark}, ${n})`)
}

function* move(names: readonly string[], to: string): Steps<void> {
  yield* query(
    sql`WITH gone AS (DELETE FROM counters WHERE name = ANY(CAST(${names} AS text[])) RETURNING n)
     INSERT INTO counters (name, n) SELECT CAST(${to} AS text), sum(n) FROM gone HAVING sum(n) <> 0`,
  )
}

function* wholeBatches(batches: readonly number[]): Steps<ReadonlySet<number>> {
  const rows = yield* query<{ seq: number }>(
    sql`SELECT b.seq FROM batches b JOIN bodies o ON o.batch = b.seq
     WHERE b.seq = ANY(CAST(${batches} AS bigint[])) AND sha256(o.body) = b.sha256`,
  )
  return new Set(rows.map(({ seq }) => seq))
}

const addRuns: UpkeepPort['addRuns'] = (runs) =>
  each(
    'INSERT INTO runs (batch, handler, base, wanted, open, opened) VALUES (?, ?, ?, ?, ?, 0)',
    runs.map(({ batch, handler, events }) => {
      const base = events[0] ?? 0
      return [batch, handler, base, makeBits(base, events), events.length]
    }),
  )

function* append({ id, source, provider, receivedAt, sha256, body }: Batch): Steps<boolean> {
  const hash = Buffer.from(sha256, 'hex')
  const [row] = yield* query<{ seq: number }>(
    sql`INSERT INTO batches (id, source, provider, received_at, sha256, body_bytes)
     VALUES (${id}, ${source}, ${provider}, ${receivedAt}, ${hash}, ${body.byteLength})
     ON CONFLICT (id) DO NOTHING RETURNING seq`,
  )
  if (row) yield* query(sql`INSERT INTO bodies (batch, body) VALUES (${row.seq}, ${body})`)
  return row !== undefined
}

function* mayPrune(): Steps<boolean> {
  const [held] = yield* query<{ isOurs: boolean }>(
    sql`SELECT pg_try_advisory_xact_lock(${PRUNING}) AS "isOurs"`,
  )
  return held?.isOurs === true
}
