import { describe, expect, it } from 'vitest'
import { openDriver } from '../../src/store/sqlite/driver.ts'
import type { JobQuery } from '../../src/store/store.ts'
import { describeDashboardStore } from './dashboard.contract.ts'
import { describeErasing } from './erase.contract.ts'
import { describePruning } from './prune.contract.ts'
import { describeSearch } from './search.contract.ts'
import { openSqliteStore, removeDirectory, sqliteHarness } from './sqlite-harness.ts'
import { describeStore } from './store.contract.ts'

describeStore('SQLite', sqliteHarness)
describePruning('SQLite', sqliteHarness)
describeErasing('SQLite', sqliteHarness)
describeSearch('SQLite', sqliteHarness)
describeDashboardStore('SQLite', sqliteHarness)

describe('a SQLite store', () => {
  it('finds a handler’s pending jobs without looking at all of them', async () => {
    const empty = await openSqliteStore()
    empty.close()
    const db = await openDriver(empty.file, { isReadOnly: false })
    db.exec(`WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 300000)
      INSERT INTO event_rows (id, start, bytes, key, type)
        SELECT 1048576 + id, 0, 2, randomblob(16), 'open' FROM n`)
    db.exec(`INSERT INTO batches (seq, id, source, provider, received_at, sha256, body_bytes, is_open)
      VALUES (1, 'b', 's', 'mailtrap', 1, zeroblob(32), 2, 0)`)
    db.exec(`INSERT INTO jobs (event, handler, state, attempt, due_at, payload)
      SELECT id, 'h', 'pending', 0, id, x'7b7d' FROM events`)
    db.close()
    const store = await openSqliteStore(empty.directory)
    const quickest = async (query: JobQuery) => {
      const times: number[] = []
      for (let round = 0; round < 3; round++) {
        const begunAt = performance.now()
        expect((await store.archive.listJobs({ ...query, limit: 50 })).rows).toHaveLength(50)
        times.push(performance.now() - begunAt)
      }
      return Math.min(...times)
    }
    const anyMs = await quickest({})
    expect(await quickest({ handler: 'h', state: 'pending' })).toBeLessThan(10 * anyMs + 10)
    store.close()
    removeDirectory(empty.directory)
  })
  it('runs on a SQLite that cannot corrupt its log', async () => {
    const db = await openDriver(':memory:', { isReadOnly: false })
    const { version } = db.prepare('SELECT sqlite_version() AS version').get() as {
      version: string
    }
    expect(version.localeCompare('3.51.3', 'en', { numeric: true })).toBeGreaterThanOrEqual(0)
    db.close()
  })
})
