import { describe, expect, it } from 'vitest'
import { createArchive } from '../../src/store/archive/archive.ts'
import type { ArchivePort } from '../../src/store/archive/port.ts'
import { type Database, openDriver } from '../../src/store/sqlite/driver.ts'
import { createReadPort } from '../../src/store/sqlite/reader.ts'
import type { Steps } from '../../src/store/steps.ts'
import { describeDashboardStore } from './dashboard.contract.ts'
import { describeErasing } from './erase.contract.ts'
import { describePruning } from './prune.contract.ts'
import { endAll, keep, pruneAll, sampleEvent } from './sample-rows.ts'
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
    const store = await openSqliteStore()
    const db = await openDriver(store.file, { isReadOnly: false })
    db.exec(`WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 300)
      INSERT INTO batches (seq, id, source, provider, received_at, sha256, body_bytes, is_open)
        SELECT id, 'b' || id, 's', 'mailtrap', 1, zeroblob(32), 2, 0 FROM n`)
    db.exec(`WITH RECURSIVE n (place) AS (SELECT 0 UNION ALL SELECT place + 1 FROM n WHERE place < 99)
      INSERT INTO event_rows (id, start, bytes, key, type)
        SELECT seq * 1048576 + place, 0, 2, randomblob(16), 'open' FROM batches, n`)
    db.exec(`INSERT INTO jobs (event, handler, state, attempt, due_at, payload)
      SELECT id, 'h', 'pending', 0, id, x'7b7d' FROM events`)
    const looks: Look[] = []
    const archive = createArchive(watchReads(db, looks))
    const { rows } = await archive.listJobs({ handler: 'h', state: 'pending', limit: 50 })
    expect(rows).toHaveLength(50)
    const ofJobs = looks.filter(({ sql }) => sql.includes('FROM jobs'))
    expect(ofJobs.flatMap(({ steps }) => steps).join()).not.toMatch(/SCAN jobs|TEMP B-TREE/)
    expect(ofJobs.reduce((sum, look) => sum + look.rows, 0)).toBeLessThan(10_000)
    db.close()
    store.close()
    removeDirectory(store.directory)
  })

  it('tells words and ids as they came, whether it keeps them as numbers and bytes or not', async () => {
    const store = await openSqliteStore()
    const uuid = 'ab8c2d1e-0000-4f00-8abc-0123456789ff'
    const messages = [uuid, uuid.toUpperCase(), uuid.replaceAll('-', ''), `${uuid}0`, '1']
    const types = ['open', 'Open', '1', '2.0', 'opened']
    await keep(
      store,
      types.map((type, n) => sampleEvent({ type, messageId: messages[n], recipient: `r${n}` })),
    )
    const { rows } = await store.archive.listEvents({})
    expect(rows.map(({ type }) => type).reverse()).toEqual(types)
    expect(rows.map(({ messageId }) => messageId).reverse()).toEqual(messages)
    for (const [n, type] of types.entries()) {
      for (const query of [{ type }, { messageId: messages[n] ?? '' }, { recipient: `R${n}` }]) {
        const found = await store.archive.listEvents(query)
        expect(found.rows.map(({ type: its }) => its)).toEqual([type])
      }
    }
    store.close()
    removeDirectory(store.directory)
  })

  it('has nothing of events that were erased or pruned in what events are found by', async () => {
    const store = await openSqliteStore()
    const db = await openDriver(store.file, { isReadOnly: true })
    const look = () => db.prepare('SELECT recipients, messages FROM lookups').all()
    const payload = JSON.stringify({ event: 'open', email: 'ann@example.com' })
    const ann = sampleEvent({ recipient: 'ann@example.com', messageId: 'm1', payload })
    const bob = sampleEvent({ recipient: 'bob@example.com', messageId: 'm2' })
    await keep(store, [bob])
    const before = look()
    expect(before).toHaveLength(1)
    await keep(store, [ann])
    expect(look()).not.toEqual(before)
    await endAll(store, { kind: 'done' })
    store.erase({ traces: ['ann@example.com'] })
    expect(look()).toEqual(before)
    const later = Date.now() + 86_400_000
    const request = { eventsBefore: later, deadBefore: later, keysBefore: 0 }
    await pruneAll(store, request)
    expect(look()).toEqual([])
    db.close()
    store.close()
    removeDirectory(store.directory)
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

interface Look {
  readonly sql: string
  /** How SQLite goes about it. */
  readonly steps: readonly string[]
  /** How many it handed over. */
  readonly rows: number
}

/** Reads of a database, each of which is noted. */
function watchReads(db: Database, looks: Look[]): ArchivePort {
  const port = createReadPort(db, { now: Date.now, keysOf: () => [] })
  return {
    ...port,
    inSnapshot: (begin) => port.inSnapshot(() => watch(begin(), looks)),
  }
}

function* watch<Result>(steps: Steps<Result>, looks: Look[]): Steps<Result> {
  let step = steps.next([])
  while (!step.done) {
    const { sql, lists } = step.value
    const plan = (yield { sql: `EXPLAIN QUERY PLAN ${sql}`, lists }) as { detail: string }[]
    const rows = yield { sql, lists }
    looks.push({ sql, steps: plan.map(({ detail }) => detail), rows: rows.length })
    step = steps.next(rows)
  }
  return step.value
}
