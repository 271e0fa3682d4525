import { once } from 'node:events'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { openStore } from '../../src/store/open-store.ts'
import { openDriver } from '../../src/store/sqlite/driver.ts'
import { openForWriting } from '../../src/store/sqlite/open-database.ts'
import type { JobQuery } from '../../src/store/store.ts'
import { describeDashboardStore } from './dashboard.contract.ts'
import { describeErasing } from './erase.contract.ts'
import { sampleBatch, sampleEvent, wholeChunk } from './sample-rows.ts'
import { describeSearch } from './search.contract.ts'
import { describeStore, type StoreHarness } from './store.contract.ts'

const directories = new WeakMap<object, string>()

async function openIn(directory: string) {
  const store = await openStore({ storeFile: join(directory, 'receiver.db') })
  directories.set(store, directory)
  return store
}

const newDirectory = () => mkdtempSync(join(tmpdir(), 'receiver-store-'))
const remove = (directory: string) => rmSync(directory, { recursive: true, force: true })

const harness: StoreHarness = {
  open: () => openIn(newDirectory()),
  async reopen(store) {
    await store.close()
    return openIn(directories.get(store) ?? '')
  },
  async dispose(store) {
    await store.close()
    remove(directories.get(store) ?? '')
  },
}

describeStore('SQLite', harness)
describeErasing('SQLite', harness)
describeSearch('SQLite', harness)
describeDashboardStore('SQLite', harness)

describe('a SQLite store', () => {
  it('syncs every commit, also after its file was opened again', async () => {
    const directory = newDirectory()
    for (const time of ['first', 'second']) {
      const db = await openForWriting(join(directory, 'receiver.db'))
      expect(db.prepare('PRAGMA synchronous').get(), time).toEqual({ synchronous: 2 })
      expect(db.prepare('PRAGMA journal_mode').get(), time).toEqual({ journal_mode: 'wal' })
      db.close()
    }
    remove(directory)
  })
  it('refuses a data directory that another receiver works on, and frees it when closed', async () => {
    const store = await harness.open()
    const directory = directories.get(store) ?? ''
    await expect(openIn(directory)).rejects.toMatchObject({ code: 'store_locked' })
    await store.close()
    await (await openIn(directory)).close()
    remove(directory)
  })
  it('refuses a database of a newer version', async () => {
    const directory = newDirectory()
    const db = await openForWriting(join(directory, 'receiver.db'))
    db.exec(`INSERT INTO migrations VALUES ('9999-from-the-future.sql', 1)`)
    db.close()
    await expect(openIn(directory)).rejects.toMatchObject({ code: 'store_too_new' })
    remove(directory)
  })
  it('refuses a file that is no database, and one with a damaged page', async () => {
    const directory = newDirectory()
    const file = join(directory, 'receiver.db')
    const { writeFileSync } = await import('node:fs')
    writeFileSync(file, 'this is not a database, it only looks like a file\n'.repeat(100))
    await expect(openIn(directory)).rejects.toMatchObject({ code: 'store_corrupt' })
    rmSync(file)
    await (await openIn(directory)).close()
    const bytes = readFileSync(file)
    bytes.fill(0x5a, 4096, 12288)
    writeFileSync(file, bytes)
    await expect(openIn(directory)).rejects.toMatchObject({ code: 'store_corrupt' })
    remove(directory)
  })
  it('rejects what still waits when it is closed', async () => {
    const store = await harness.open()
    const directory = directories.get(store) ?? ''
    await store.close()
    await expect(store.append(sampleBatch())).rejects.toMatchObject({ code: 'store_closed' })
    remove(directory)
  })
  it('reads again when its file can be opened again', async () => {
    const store = await harness.open()
    const file = join(directories.get(store) ?? '', 'receiver.db')
    renameSync(file, `${file}.elsewhere`)
    await expect(store.stats()).rejects.toThrow()
    renameSync(`${file}.elsewhere`, file)
    expect(await store.stats()).toMatchObject({ batches: { received: 0 } })
    await harness.dispose(store)
  })
  it('reads again after the thread that reads has died', async () => {
    const store = await harness.open()
    const started = once(process, 'worker')
    await store.stats()
    const [reader] = (await started) as [Worker]
    await reader.terminate()
    expect(await store.stats()).toMatchObject({ batches: { received: 0 } })
    await harness.dispose(store)
  })
  it('is closed and frees its directory also when it could not be read', async () => {
    const store = await harness.open()
    const directory = directories.get(store) ?? ''
    const file = join(directory, 'receiver.db')
    renameSync(file, `${file}.elsewhere`)
    const reading = expect(store.stats()).rejects.toThrow()
    await store.close()
    await reading
    renameSync(`${file}.elsewhere`, file)
    await (await openIn(directory)).close()
    remove(directory)
  })
  it('starts no thread to read once it is closed', async () => {
    const store = await harness.open()
    await store.close()
    await expect(store.stats()).rejects.toMatchObject({ code: 'store_closed' })
    remove(directories.get(store) ?? '')
  })
  it('finds a recipient in every bucket of the look-up index', async () => {
    const directory = newDirectory()
    const db = await openForWriting(join(directory, 'receiver.db'))
    db.exec(`INSERT INTO events SELECT value * 5000, 1, 0, 's', 'mailtrap', 'open', NULL, 'unhandled', value, NULL,
      'user1@example.com', NULL, NULL, 1, '{}' FROM json_each('[1, 2, 3]')`)
    db.close()
    const store = await openIn(directory)
    const { rows } = await store.listEvents({ recipient: 'user1@example.com', limit: 2 })
    expect(rows.map(({ id }) => id)).toEqual(['15000', '10000'])
    const rest = await store.listEvents({
      recipient: 'user1@example.com',
      limit: 2,
      cursor: '10000',
    })
    expect(rest.rows.map(({ id }) => id)).toEqual(['5000'])
    await harness.dispose(store)
  })
  it('finds recipients in any case that an older version kept as they were written', async () => {
    const store = await harness.open()
    const directory = directories.get(store) ?? ''
    const batch = sampleBatch()
    await store.append(batch)
    await store.commitChunk(wholeChunk(batch.id, { events: [sampleEvent()] }))
    await store.close()
    const db = await openForWriting(join(directory, 'receiver.db'))
    db.exec(`UPDATE events SET recipient = 'User1@Example.com'`)
    db.exec(`DELETE FROM migrations WHERE name LIKE '0005%'`)
    db.close()
    const newer = await openIn(directory)
    const { rows } = await newer.listEvents({ recipient: 'USER1@example.com' })
    expect(rows.map(({ recipient }) => recipient)).toEqual(['user1@example.com'])
    await harness.dispose(newer)
  })
  it('finds a handler’s pending jobs without looking at all of them', async () => {
    const directory = newDirectory()
    const db = await openForWriting(join(directory, 'receiver.db'))
    db.exec(`WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 300000)
      INSERT INTO jobs (event_id, handler, state, attempt, due_at) SELECT id, 'h', 'pending', 0, id FROM n`)
    db.close()
    const store = await openIn(directory)
    const quickest = async (query: JobQuery) => {
      const times: number[] = []
      for (let round = 0; round < 3; round++) {
        const begunAt = performance.now()
        expect((await store.listJobs({ ...query, limit: 50 })).rows).toHaveLength(50)
        times.push(performance.now() - begunAt)
      }
      return Math.min(...times)
    }
    const anyMs = await quickest({})
    expect(await quickest({ handler: 'h', state: 'pending' })).toBeLessThan(10 * anyMs + 10)
    await harness.dispose(store)
  })
  it('refuses a SQLite that can corrupt its log', async () => {
    const db = await openDriver(':memory:', { isReadOnly: false })
    const { version } = db.prepare('SELECT sqlite_version() AS version').get() as {
      version: string
    }
    expect(version.localeCompare('3.51.3', 'en', { numeric: true })).toBeGreaterThanOrEqual(0)
    db.close()
  })
})
