import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PostgresStore } from '../postgres-harness.ts'
import {
  appendAndTake,
  claimOf,
  endAll,
  endedJob,
  keep,
  LEASE_MS,
  pageOf,
  progressOf,
  sampleBatch,
  sampleEvents,
} from '../sample-rows.ts'
import { canStartServers, type OwnServer, startOwnServer } from './own-server.ts'
import { createTestDatabase } from './test-database.ts'

const DONE = { kind: 'done' } as const
const TAKE = { batches: 100, bytes: 2 ** 40, leaseMs: LEASE_MS }

const claimAll = async (store: PostgresStore) => ({
  batches: await store.takeBatches(TAKE),
  runs: await store.claimRuns(claimOf('counter')),
  jobs: await store.claimJobs(claimOf('counter')),
})

describe.skipIf(!canStartServers())('commits that a server forgets when it ends at once', () => {
  let server: OwnServer
  beforeAll(async () => {
    server = await startOwnServer()
    const root = server.urlOf('postgres')
    // What nobody waits for is written down as seldom as can be.
    await server.execute(root, `ALTER SYSTEM SET wal_writer_delay = '10s'`)
    await server.execute(root, 'ALTER SYSTEM SET autovacuum = off')
    await server.execute(root, 'SELECT pg_reload_conf()')
  })
  afterAll(() => server.remove())

  it('leave nothing in the hands of who has ended it, though no answer was lost', async () => {
    const { open } = await createTestDatabase(server)
    const store = await open()
    await keep(store, sampleEvents(1))
    await endAll(store, { kind: 'retry', error: 'x', delayMs: 0 })
    await keep(store, sampleEvents(2))
    const parts = sampleEvents(3)
    const batch = await appendAndTake(store, sampleBatch(parts))
    const { runs, jobs } = await claimAll(store)
    expect([runs.length, jobs.length]).toEqual([1, 1])
    // Waits for the disk, and with it all that was before.
    await store.probe()
    await store.commit({
      pages: [pageOf(batch, parts)],
      progress: runs.map((run) => progressOf(run, DONE)),
      jobs: jobs.map((job) => endedJob(job, DONE)),
    })
    await server.stopAtOnce()
    await server.start()

    expect(await claimAll(store)).toMatchObject({
      batches: [{ seq: batch.seq }],
      runs: [{ run: runs[0]?.run }],
      jobs: [{ event: jobs[0]?.event }],
    })
  })

  it('end no run of another handler that was given the number of a run that was forgotten', async () => {
    const { open } = await createTestDatabase(server)
    const store = await open()
    await keep(store, sampleEvents(2, { handlers: ['counter', 'other'] }))
    const [forgotten] = await store.claimRuns(claimOf('counter'))
    const [given] = await store.claimRuns(claimOf('other'))
    expect(forgotten?.fence).toBe(given?.fence)
    const progress = { ...progressOf(forgotten!, DONE), run: given!.run }
    expect(await store.commit({ pages: [], progress: [progress], jobs: [] })).toMatchObject({
      refused: 2,
    })
    expect((await store.archive.stats()).jobs['other']).toMatchObject({ pending: 2, done: 0 })
  })
})
