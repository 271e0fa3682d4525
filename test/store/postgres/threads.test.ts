import { describe, expect, it } from 'vitest'
import type { StoreCommit } from '../../../src/store/store.ts'
import { keep, LEASE_MS, sampleBatch, sampleEvents } from '../sample-rows.ts'
import { createTestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()
const TAKE = { batches: 10, bytes: 2 ** 30, leaseMs: LEASE_MS }

const connections = (used: string) => `
  SELECT count(*)::integer AS n FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ${used} 'LISTEN%'`

describe.skipIf(!server)('the two threads of a receiver on a PostgreSQL store', () => {
  it('have connections of their own, and the one behind hears what the other keeps', async () => {
    const { open, url, execute } = await createTestDatabase(server!)
    const answering = await open(url, { part: 'ingest' })
    const working = await open(url, { part: 'work' })
    await expect.poll(() => execute(connections('LIKE'))).toEqual([{ n: 1 }])
    const hints: string[] = []
    working.onHint((hint) => hints.push(hint))
    const batch = sampleBatch()
    await answering.append([batch])
    await expect.poll(() => hints).toContain('batches')
    expect(await working.takeBatches(TAKE)).toMatchObject([{ id: batch.id }])
    await expect(working.probe()).resolves.toBeUndefined()
    expect((await answering.archive.stats()).batches.waiting).toBe(1)
  })

  it('tell of their commits; reading is none', async () => {
    const { open, url } = await createTestDatabase(server!)
    const told: StoreCommit[] = []
    const store = await open(url, { part: 'ingest', onCommit: (commit) => told.push(commit) })
    const seen: StoreCommit[] = []
    const view = await open(url, { part: 'work', onCommit: (commit) => seen.push(commit) })
    await expect.poll(() => view.loadHandlers()).toEqual([])
    told.length = 0
    seen.length = 0
    await store.append([sampleBatch()])
    await store.archive.stats()
    await view.takeBatches(TAKE)
    // Hints go to other replicas by transactions of their own.
    expect(told.filter(({ isDurable }) => isDurable)).toHaveLength(1)
    expect(seen.map(({ isDurable }) => isDurable)).toEqual([false])
    for (const { durationMs, syncMs } of [...told, ...seen]) {
      expect(syncMs).toBeGreaterThan(0)
      expect(durationMs).toBeGreaterThan(syncMs)
    }
  })

  it('go on when the password was changed', async () => {
    const { open, url } = await createTestDatabase(server!)
    const store = await open('postgres://u@127.0.0.1:1/d', { part: 'work' })
    await expect(store.probe()).rejects.toMatchObject({ code: 'store_busy' })
    store.useUrl(url)
    await expect.poll(() => store.probe().then(() => 'ok', String)).toBe('ok')
  })

  it('leave the first and the last event of an hour behind, when they close', async () => {
    const { open, url, execute } = await createTestDatabase(server!)
    const working = await open(url, { part: 'work' })
    const receivedAt = 7_200_000 * 250_000
    const { events } = await keep(working, sampleEvents(3), { receivedAt })
    const last = await keep(working, sampleEvents(2), { receivedAt: receivedAt + 1 })
    await working.close()
    expect(
      await execute('SELECT hour::float, first_event::float, last_event::float FROM key_marks'),
    ).toEqual([{ hour: 500_000, first_event: events[0], last_event: last.events[1] }])
  })
})
