import { describe, expect, it } from 'vitest'
import { foldCounters, foldSeries } from '../../../src/store/postgres/counters.ts'
import { createTransactions } from '../../../src/store/postgres/transactions.ts'
import { endAll, keep, pruneAll, sampleBatch, sampleEvents, samplePiece } from '../sample-rows.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()

const NUMBERED = ['batches', 'runs', 'jobs', 'quarantine', 'counters', 'event_series', 'audit']

/** As a move by logical replication leaves them: rows are copied, sequences are not. */
async function setBack({ execute }: TestDatabase): Promise<void> {
  for (const table of NUMBERED) {
    const column = table === 'batches' ? 'seq' : 'id'
    await execute(`SELECT setval(pg_get_serial_sequence('${table}', '${column}'), 1, false)`)
  }
}

const PARTS = () => [...sampleEvents(5), samplePiece()]

async function fill(store: Awaited<ReturnType<TestDatabase['open']>>): Promise<void> {
  for (let n = 0; n < 3; n++) await keep(store, PARTS())
  await endAll(store, { kind: 'retry', error: 'x', delayMs: 0 })
  await store.recordAudit({
    action: 'prune',
    outcome: 'begun',
    network: 'local',
    parameters: {},
    counts: {},
  })
}

describe.skipIf(!server)('numbers that were set back behind their tables', () => {
  it('are put right when the store is opened, and told', async () => {
    const database = await createTestDatabase(server!)
    const first = await database.open()
    await fill(first)
    await first.close()
    await setBack(database)
    const store = await database.open()
    expect(database.warnings.filter((text) => text.includes('set back')).length).toBe(
      NUMBERED.length,
    )
    await fill(store)
    const { events, quarantined } = await store.archive.stats()
    expect({ total: events.total, quarantined }).toEqual({ total: 30, quarantined: 6 })
  })

  it('are put right under a store that runs, whose batches wait and are blamed for nothing', async () => {
    const database = await createTestDatabase(server!)
    const store = await database.open()
    await fill(store)
    await setBack(database)
    const again = async () => {
      await expect
        .poll(() =>
          store.append([sampleBatch()]).then(
            () => 'kept',
            (error) => error.code,
          ),
        )
        .toBe('kept')
    }
    const refused = store.append([sampleBatch()])
    await expect(refused).rejects.toMatchObject({ code: 'store_busy' })
    await again()
    expect(await keep(store, PARTS())).toMatchObject({ stored: 5 })
    expect((await store.archive.stats()).events.total).toBe(20)
  })

  it('are never taken for an event’s fault', async () => {
    const database = await createTestDatabase(server!)
    const store = await database.open()
    await fill(store)
    await database.execute(`SELECT setval(pg_get_serial_sequence('runs', 'id'), 1, false)`)
    await expect(keep(store, PARTS())).rejects.toMatchObject({ code: 'store_busy' })
    expect(await keep(store, PARTS())).toMatchObject({ stored: 5 })
  })

  it('count events that are kept longer than their batches', async () => {
    const database = await createTestDatabase(server!)
    const store = await database.open()
    await fill(store)
    await store.close()
    await database.execute('DELETE FROM bodies')
    await database.execute('DELETE FROM batches')
    await setBack(database)
    const { batch } = await keep(await database.open(), PARTS())
    expect(batch.seq).toBeGreaterThan(3)
  })
})

describe.skipIf(!server)('tables that logical replication follows', () => {
  it('each have a key, so that nothing fails once all are published', async () => {
    const { open, execute } = await createTestDatabase(server!)
    await open()
    const without = await execute(
      `SELECT relname FROM pg_class WHERE relkind = 'r'
         AND relnamespace = 'mailtrap_receiver'::regnamespace AND NOT EXISTS (
           SELECT 1 FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)`,
    )
    expect(without).toEqual([])
  })

  it('are folded, pruned and replayed although every change of them is published', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    const store = await open()
    await execute('CREATE PUBLICATION everything FOR ALL TABLES')
    await fill(store)
    await execute(
      `INSERT INTO counters (name, n) SELECT 'duplicates', 1 FROM generate_series(1, 2000)`,
    )
    const transactions = createTransactions(() => url, { connections: 1, random: Math.random })
    const plan = { sync: 'off', timeoutMs: 5_000 } as const
    await transactions.run(plan, foldCounters)
    await transactions.run(plan, foldSeries)
    await transactions.close()
    expect(await execute('SELECT 1 FROM event_series WHERE is_folded = 0')).toEqual([])
    const [counted] = await execute<{ n: number }>('SELECT count(*)::integer AS n FROM counters')
    expect(counted?.n).toBeLessThan(50)
    expect((await store.archive.stats()).duplicates).toBe(2_000)

    await endAll(store, { kind: 'done' })
    const { rows } = await store.archive.listQuarantine({})
    expect(await store.requeue(rows[0]?.id ?? '', sampleBatch().id)).toBe(true)
    const late = Date.now() + 60_000
    const request = { eventsBefore: late, deadBefore: late, keysBefore: late }
    await pruneAll(store, request)
    expect(await execute('SELECT 1 FROM events')).toEqual([])
  })
})
