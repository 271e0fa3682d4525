import { Client } from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { openStore } from '../../../src/store/open-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { sampleBatch, sampleEvent, sampleUnreadable, wholeChunk } from '../sample-rows.ts'
import { describeStore } from '../store.contract.ts'
import { MIGRATIONS } from './migrations.ts'
import { type Bouncer, findBouncer, startBouncer } from './start-bouncer.ts'
import { createTestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()
const binary = findBouncer()
const bouncer = server && binary ? await startBouncer(binary, server) : undefined
afterAll(() => bouncer?.stop())

/** `BOUNCER=full` runs the whole contract behind it. */
const isFull = process.env['BOUNCER'] === 'full'

const SERVER_PROCESSES = `
  SELECT pg_backend_pid() AS pid, current_setting('statement_timeout') AS timeout,
    current_setting('synchronous_commit') AS sync,
    (SELECT count(*)::integer FROM pg_prepared_statements) AS prepared,
    (SELECT count(*)::integer FROM pg_listening_channels()) AS channels,
    (SELECT count(*)::integer FROM pg_locks WHERE locktype = 'advisory'
       AND pid = pg_backend_pid()) AS locks,
    pg_sleep(0.1)`

async function openThree({ urlOf }: Bouncer) {
  const { url, open, execute } = await createTestDatabase(server!)
  const stores = await Promise.all([1, 2, 3].map(() => open(urlOf(url))))
  return { stores, execute, url: urlOf(url) }
}

/** Everything that a receiver does with a store, once. */
async function work(store: Store): Promise<number> {
  const batch = sampleBatch()
  await store.append(batch)
  await store.takeBatch(60_000)
  const events = Array.from({ length: 20 }, () => sampleEvent())
  await store.commitChunk(wholeChunk(batch.id, { events, unreadable: [sampleUnreadable()] }))
  const jobs = await store.claim({ handler: 'counter', limit: 20, leaseMs: 60_000 })
  await store.extend(jobs, 60_000)
  const done = { durationMs: 1, outcome: { kind: 'done' } } as const
  expect(await store.settle(jobs.map((job) => ({ ...job, ...done })))).toBe(0)
  await store.replay(jobs.slice(0, 5))
  await store.prune({ eventsBefore: 0, deadBefore: 0, keysBefore: 0 })
  await Promise.all([store.stats(), store.listEvents({ state: 'dead' }), store.probe()])
  return jobs.length
}

describe.skipIf(!bouncer)('behind PgBouncer in transaction mode', () => {
  it('stores that start together make the tables once, and share the work', async () => {
    const { stores, execute } = await openThree(bouncer!)
    expect(await execute('SELECT name FROM migrations')).toEqual(MIGRATIONS)
    const rounds = [1, 2, 3].flatMap(() => stores.map(work))
    await Promise.all(rounds)
    const [store] = stores
    const { events, quarantined, jobs } = (await store!.stats()) ?? {}
    expect({ total: events?.total, quarantined }).toEqual({ total: 180, quarantined: 9 })
    const { pending = 0, done = 0, dead } = jobs?.['counter'] ?? {}
    expect({ all: pending + done, dead }).toEqual({ all: 180, dead: 0 })
  })

  it('leave nothing behind in the server’s sessions, which others get next', async () => {
    const { stores, url } = await openThree(bouncer!)
    await Promise.all(stores.map(work))
    const clients = Array.from({ length: 4 }, () => new Client({ connectionString: url }))
    await Promise.all(clients.map((client) => client.connect()))
    const answers = await Promise.all(clients.map((client) => client.query(SERVER_PROCESSES)))
    await Promise.all(clients.map((client) => client.end()))
    const rows = answers.flatMap((answer) => answer.rows)
    expect(new Set(rows.map(({ pid }) => pid)).size).toBe(4)
    for (const row of rows) {
      expect(row).toMatchObject({ timeout: '0', sync: 'on', prepared: 0, channels: 0, locks: 0 })
    }
  })

  it('stores find by looking what nobody tells them', async () => {
    const { stores, execute } = await openThree(bouncer!)
    const [one, other] = stores
    const told: string[] = []
    one!.onHint((hint) => told.push(`own ${hint}`))
    other!.onHint((hint) => told.push(hint))
    await one!.append(sampleBatch())
    expect(await other!.takeBatch(60_000)).toBeDefined()
    expect(told).toContain('own batches')
    const listening = `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'
      AND datname = current_database()`
    expect(await execute(listening)).toEqual([])
  })
})

describe.skipIf(!bouncer || !isFull)('behind PgBouncer, in full', () => {
  const urls = new WeakMap<object, string>()

  async function openAt(url: string) {
    const store = await openStore({ storeFile: undefined, storeUrl: bouncer!.urlOf(url) })
    urls.set(store, url)
    return store
  }

  describeStore('PostgreSQL', {
    open: async () => openAt(await server!.createDatabase()),
    async reopen(store) {
      await store.close()
      return openAt(urls.get(store) ?? '')
    },
    async dispose(store) {
      await store.close()
      await server!.dropDatabase(urls.get(store) ?? '')
    },
  })
})
