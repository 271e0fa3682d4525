import { describe, expect, it } from 'vitest'
import type { OpenBatch } from '../../../src/store/store.ts'
import type { PostgresStore } from '../postgres-harness.ts'
import {
  appendAndTake,
  claimOf,
  endAll,
  keep,
  pageOf,
  type SampleEvent,
  sampleBatch,
  sampleEvents,
} from '../sample-rows.ts'
import { createTestDatabase, lockTables } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()
const LEASE_MS = 500
/** How long the tables are locked at least. */
const LOCKED_MS = 2 * LEASE_MS

/** As seen from outside: how many statements wait, and for how long the youngest transaction of them. */
const WAITING = `
  SELECT count(*)::int AS n, extract(epoch FROM now() - max(xact_start)) * 1000 AS ms
  FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`

const SET_LAPSED = [
  'UPDATE batches SET leased_until = 1',
  'UPDATE runs SET leased_until = 1',
  `UPDATE jobs SET due_at = 1 WHERE state = 'pending'`,
]

const take = (store: PostgresStore, leaseMs: number) =>
  store.takeBatches({ batches: 100, bytes: 2 ** 40, leaseMs })

/** A page of the batch that opens its run at once. */
const store = (into: PostgresStore, batch: OpenBatch, parts: readonly SampleEvent[]) =>
  into.commit({
    pages: [pageOf(batch, parts, { opensFor: new Set(['counter']) })],
    progress: [],
    jobs: [],
  })

/** How many batches, runs and jobs are given. */
const takeAll = async (from: PostgresStore, leaseMs = LEASE_MS) => [
  (await take(from, leaseMs)).length,
  (await from.claimRuns(claimOf('counter', 10_000, leaseMs))).length,
  (await from.claimJobs(claimOf('counter', 10_000, leaseMs))).length,
]

/** One batch, two runs, of which one is opened as it is stored, and one job; all given to `holder`. */
async function giveAll(holder: PostgresStore) {
  await keep(holder, sampleEvents(1))
  await endAll(holder, { kind: 'retry', error: 'x', delayMs: 0 })
  await keep(holder, sampleEvents(1))
  const parts = sampleEvents(3)
  const batch = await appendAndTake(holder, sampleBatch(parts))
  await holder.append([sampleBatch()])
  return async () => {
    await Promise.all([store(holder, batch, parts), takeAll(holder)])
  }
}

describe.skipIf(!server)('a lease in PostgreSQL', () => {
  it('begins when it is given, however long its transaction waited for a lock', async () => {
    const database = await createTestDatabase(server!)
    const holder = await database.open()
    const give = await giveAll(holder)
    const unlock = await lockTables(database.url, 'batches, runs, jobs, bodies')
    const given = give()
    await expect
      .poll(async () => (await database.execute<{ n: number; ms: number }>(WAITING))[0])
      .toSatisfy(({ n, ms }: { n: number; ms: number }) => n >= 2 && Number(ms) > LOCKED_MS)
    const [unlocked] = await database.execute<{ at: number }>(
      'SELECT extract(epoch FROM clock_timestamp()) * 1000 AS at',
    )
    await unlock()
    await given
    const ends = await database.execute<{ until: number }>(`
      SELECT leased_until AS until FROM batches WHERE is_open = 1
      UNION ALL SELECT leased_until FROM runs WHERE open > 0
      UNION ALL SELECT due_at FROM jobs WHERE running = 1`)
    expect(ends).toHaveLength(4)
    for (const { until } of ends) {
      expect(Number(until)).toBeGreaterThanOrEqual(Math.floor(Number(unlocked?.at)) + LEASE_MS)
    }
  })

  it('never ends for who holds it, though it ends for others', async () => {
    const database = await createTestDatabase(server!)
    const [holder, other] = [await database.open(), await database.open()]
    const give = await giveAll(holder)
    await give()
    for (const sql of SET_LAPSED) await database.execute(sql)
    expect(await takeAll(holder)).toEqual([0, 0, 0])
    expect(await takeAll(other)).toEqual([1, 2, 1])
  })

  it('of a batch ends when its holder closes, who has not unpacked it', async () => {
    const database = await createTestDatabase(server!)
    const [holder, other] = [await database.open(), await database.open()]
    await holder.append([sampleBatch(), sampleBatch()])
    expect(await take(holder, 3_600_000)).toHaveLength(2)
    expect(await take(other, LEASE_MS)).toEqual([])
    await holder.close()
    expect(await take(other, LEASE_MS)).toHaveLength(2)
  })

  it('ends for who holds it when he names it no more', async () => {
    const database = await createTestDatabase(server!)
    const holder = await database.open()
    const give = await giveAll(holder)
    await give()
    const again = [0, 0, 0]
    const nameNothing = async () => {
      await holder.extend({ batches: [], runs: [], jobs: [] }, LEASE_MS)
      const taken = await takeAll(holder, 100 * LEASE_MS)
      for (const [place, n] of taken.entries()) again[place]! += n
      return again
    }
    await expect.poll(nameNothing).toEqual([1, 2, 1])
  })
})
