import { describe, expect, it, onTestFinished } from 'vitest'
import {
  connectPostgresStore,
  openPostgresStore,
} from '../../../src/store/postgres/postgres-store.ts'
import type { StoreCommit } from '../../../src/store/store.ts'
import { sampleBatch, sampleEvent, wholeChunk } from '../sample-rows.ts'
import { createTestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()

describe.skipIf(!server)('another thread’s view of a PostgreSQL store', () => {
  it('has connections of its own, and both tell each other what there is to do', async () => {
    const { open } = await createTestDatabase(server!)
    const store = await open()
    const view = connectPostgresStore(store.connect())
    onTestFinished(() => view.close())
    const hints: string[] = []
    store.onHint((hint) => hints.push(hint))
    const seen: string[] = []
    view.onHint((hint) => seen.push(hint))

    const batch = sampleBatch()
    await store.append(batch)
    await expect.poll(() => seen).toContain('batches')
    expect(await view.takeBatch(1_000)).toMatchObject({ id: batch.id })
    await view.commitChunk(wholeChunk(batch.id, { events: [sampleEvent()] }))
    await expect.poll(() => hints).toContain('jobs')
    await expect(view.probe()).resolves.toBeUndefined()
  })

  it('tells of its commits, and the store of others; reading is none', async () => {
    const { url } = await createTestDatabase(server!)
    const told: StoreCommit[] = []
    const store = await openPostgresStore(url, {
      onWarning: () => {},
      onCommit: (commit) => told.push(commit),
    })
    onTestFinished(() => store.close())
    const seen: StoreCommit[] = []
    const view = connectPostgresStore(store.connect(), { onCommit: (one) => seen.push(one) })
    onTestFinished(() => view.close())
    told.length = 0

    await store.append(sampleBatch())
    await store.stats()
    await view.takeBatch(1_000)
    // Hints go to other replicas by transactions of their own.
    expect(told.filter(({ isDurable }) => isDurable)).toHaveLength(1)
    expect(seen.map(({ isDurable }) => isDurable)).toEqual([false])
    for (const { durationMs, syncMs } of [...told, ...seen]) {
      expect(syncMs).toBeGreaterThan(0)
      expect(durationMs).toBeGreaterThan(syncMs)
    }
  })

  it('goes on when the password was changed', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    const store = await open()
    const view = connectPostgresStore({ ...store.connect(), url: 'postgres://u@127.0.0.1:1/d' })
    onTestFinished(() => view.close())
    await expect(view.probe()).rejects.toMatchObject({ code: 'store_busy' })
    store.useUrl(url)
    await expect.poll(() => view.probe().then(() => 'ok', String)).toBe('ok')
    expect(await execute('SELECT 1 AS one')).toEqual([{ one: 1 }])
  })
})
