import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { HOT_TABLES } from '../../../src/store/archive/health.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { sampleBatch } from '../sample-rows.ts'
import { createTestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()

describe.skipIf(!server)('the health of a PostgreSQL store', () => {
  it('tells of dead rows in the tables that change all the time', async () => {
    const { open, execute } = await createTestDatabase(server!)
    const store = await open()
    await execute('ALTER TABLE batches SET (autovacuum_enabled = off)')
    await store.append([sampleBatch()])
    // From a session of its own: it hands in its figures when it ends.
    for (let n = 1; n <= 5; n++) await execute(`UPDATE batches SET leased_until = ${n}`)
    await expect
      .poll(async () => (await store.archive.health())?.deadRows['batches'])
      .toBeGreaterThan(3)
    expect(Object.keys((await store.archive.health())?.deadRows ?? {}).sort()).toEqual([
      ...HOT_TABLES,
    ])
  })

  it('tells of the oldest transaction, whosever it is', async () => {
    const { open, url } = await createTestDatabase(server!)
    const store = await open()
    expect((await store.archive.health())?.oldestTransactionMs).toBeLessThan(60_000)
    const client = new Client({ connectionString: url, application_name: 'forgetful' })
    await client.connect()
    onTestFinished(() => client.end())
    await client.query('BEGIN')
    const { pid } = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0]
    // The server's own vacuum may be older for a while.
    await expect
      .poll(() => store.archive.health())
      .toMatchObject({
        oldestTransactionMs: expect.toSatisfy((ms) => Number(ms) > 300),
        oldestTransactionBy: { pid, application: 'forgetful' },
      })
  })

  it('tells of what the server may lose', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    const name = new URL(url.replace('@/', '@host/')).pathname.slice(1)
    await execute(`ALTER DATABASE ${name} SET synchronous_commit = off`)
    const store = await open()
    expect((await store.archive.health())?.turnedOff).toContain('synchronous_commit')
  })
})

describe.skipIf(!server)('the tables of a PostgreSQL store', () => {
  it('are vacuumed long before a fifth of one is dead, where rows change all the time', async () => {
    const { open, execute } = await createTestDatabase(server!)
    await open()
    const early = await execute<{ name: string }>(
      `SELECT relname AS name FROM pg_class, pg_options_to_table(reloptions)
       WHERE option_name = 'autovacuum_vacuum_scale_factor' AND option_value::float <= 0.05
         AND relkind = 'r' ORDER BY relname`,
    )
    expect(early.map(({ name }) => name)).toEqual(expect.arrayContaining([...HOT_TABLES]))
  })
})
