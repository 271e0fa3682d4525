import { Client } from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { createPostgresHarness, type PostgresStore } from '../postgres-harness.ts'
import {
  claimOf,
  keep,
  LEASE_MS,
  progressOf,
  sampleBatch,
  sampleEvents,
  samplePiece,
} from '../sample-rows.ts'
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
       AND pid = pg_backend_pid()) AS locks`

async function openThree({ urlOf }: Bouncer) {
  const { url, open, execute } = await createTestDatabase(server!)
  const stores = await Promise.all([1, 2, 3].map(() => open(urlOf(url))))
  return { stores, execute, url: urlOf(url) }
}

/** Everything that a receiver does with a store, once. */
async function work(store: PostgresStore): Promise<void> {
  const parts = [...sampleEvents(20), samplePiece()]
  const { batch, events } = await keep(store, parts)
  const runs = await store.claimRuns(claimOf('counter', 20))
  const held = runs.map(({ run, fence }) => ({ run, fence }))
  await store.extend({ batches: [batch.seq], runs: held, jobs: [] }, LEASE_MS)
  const progress = runs.map((run) => progressOf(run, { kind: 'done' }))
  expect((await store.commit({ pages: [], progress, jobs: [] })).refused).toBe(0)
  await store.replay(
    events.slice(0, 5).map((event) => ({ event: String(event), handler: 'counter' })),
  )
  await store.prune({ eventsBefore: 0, deadBefore: 0, keysBefore: 0 })
  await Promise.all([
    store.archive.stats(),
    store.archive.listEvents({ state: 'dead' }),
    store.probe(),
  ])
}

describe.skipIf(!bouncer)('behind PgBouncer in transaction mode', () => {
  it('stores that start together make the tables once, and share the work', async () => {
    const { stores, execute } = await openThree(bouncer!)
    expect(await execute('SELECT name FROM migrations')).toEqual(MIGRATIONS)
    for (let round = 0; round < 3; round++) for (const store of stores) await work(store)
    const [store] = stores
    const { events, quarantined, jobs } = (await store?.archive.stats()) ?? {}
    expect({ total: events?.total, quarantined }).toEqual({ total: 180, quarantined: 9 })
    const { pending = 0, done = 0, dead } = jobs?.['counter'] ?? {}
    expect({ all: pending + done, dead }).toEqual({ all: 180, dead: 0 })
  })

  it('leave nothing behind in the server’s sessions, which others get next', async () => {
    const { stores, url } = await openThree(bouncer!)
    for (const store of stores) await work(store)
    const clients = Array.from({ length: 4 }, () => new Client({ connectionString: url }))
    await Promise.all(clients.map((client) => client.connect()))
    // Each keeps a session to itself until its transaction ends.
    await Promise.all(clients.map((client) => client.query('BEGIN')))
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
    await one!.append([sampleBatch()])
    const take = { batches: 1, bytes: 1, leaseMs: LEASE_MS }
    expect(await other!.takeBatches(take)).toHaveLength(1)
    expect(told).toContain('own batches')
    const listening = `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'
      AND datname = current_database()`
    expect(await execute(listening)).toEqual([])
  })
})

describe.skipIf(!bouncer || !isFull)('behind PgBouncer, in full', () => {
  describeStore(
    'PostgreSQL',
    createPostgresHarness(server!, (url) => bouncer!.urlOf(url)),
  )
})
