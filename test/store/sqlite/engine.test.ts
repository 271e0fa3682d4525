import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { backUp } from '../../../src/store/sqlite/back-up.ts'
import { type Database, openDriver } from '../../../src/store/sqlite/driver.ts'
import { openSqliteEngine } from '../../../src/store/sqlite/engine.ts'
import { openForWriting, tryToOpen } from '../../../src/store/sqlite/open-database.ts'
import type { StoreCommit } from '../../../src/store/store.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { preloadDisk } from '../../system/failing-disk.ts'
import {
  appendAndTake,
  claimOf,
  endAll,
  endedJob,
  eventsOf,
  keep,
  pageOf,
  progressOf,
  sampleBatch,
  sampleEvent,
  sampleEvents,
} from '../sample-rows.ts'
import { newDirectory, openSqliteStore, removeDirectory } from '../sqlite-harness.ts'
import { asOtherUser } from './other-user.ts'

const failing = (code: string) => expect.objectContaining({ code })
const RETRY = { kind: 'retry', delayMs: 0, error: 'busy' } as const
const DAMAGED = 'The stored bytes are damaged: their SHA-256 differs.'

function newFolder(): string {
  const directory = newDirectory()
  onTestFinished(() => removeDirectory(directory))
  return directory
}

async function open(directory = newFolder(), options = {}) {
  const store = await openSqliteStore(directory, options)
  onTestFinished(() => store.close())
  return store
}

/** Changes rows of a store that is closed. */
async function change(directory: string, work: (db: Database) => void): Promise<void> {
  const db = await openForWriting(join(directory, 'receiver.db'))
  work(db)
  db.close()
}

/** As a disk does that flips a bit of a body. */
const flipBit = (directory: string) =>
  change(directory, (db) => {
    const { body } = db.prepare('SELECT body FROM bodies').get() as { body: Uint8Array }
    body[20] = (body[20] as number) ^ 1
    db.prepare('UPDATE bodies SET body = ?').run(body)
  })

describe('the SQLite engine', () => {
  it('keeps batches together in one synced commit, work in one that is not synced', async () => {
    const commits: StoreCommit[] = []
    const store = await open(newFolder(), {
      onCommit: (commit: StoreCommit) => commits.push(commit),
    })
    commits.length = 0
    store.append([sampleBatch(), sampleBatch(), sampleBatch()])
    expect(commits).toMatchObject([{ isDurable: true }])
    const parts = sampleEvents(2)
    const batch = await appendAndTake(store, sampleBatch(parts))
    store.commit({ pages: [pageOf(batch, parts)], progress: [], jobs: [] })
    expect(commits.map(({ isDurable }) => isDurable)).toEqual([true, true, false])
  })

  it('keeps none of the batches when one of them cannot be kept', async () => {
    const store = await open()
    const nameless = { ...sampleBatch(), source: null as never }
    expect(() => store.append([sampleBatch(), nameless])).toThrow(failing('store_refused'))
    expect((await store.archive.stats()).batches.received).toBe(0)
    store.append([sampleBatch()])
    expect(store.takeBatches({ batches: 9, bytes: 9, leaseMs: 9 })).toMatchObject([{ seq: 1 }])
  })

  it('counts nothing twice when a page beside others is refused', async () => {
    const store = await open()
    const receivedAt = Date.UTC(2026, 0, 17, 12)
    const good = sampleEvents(2)
    const bad = [sampleEvent({ occurredAt: 1e300 })]
    const pages = []
    for (const parts of [good, bad]) {
      pages.push(pageOf(await appendAndTake(store, sampleBatch(parts, { receivedAt })), parts))
    }
    const result = store.commit({ pages, progress: [], jobs: [] })
    expect(result.pages.map(({ kind }) => kind)).toEqual(['stored', 'refused'])
    const { total, byType } = (await store.archive.stats()).events
    expect({ total, byType }).toEqual({ total: 2, byType: { open: 2 } })
    const query = { from: receivedAt, to: receivedAt + 60_000, bucketMs: 60_000 }
    expect(await store.archive.countEvents(query)).toEqual([{ bucket: 0, type: 'open', n: 2 }])
    const { known } = store.findKnown(bad[0]!.key)
    expect(known.size).toBe(0)
  })

  it('gives no number of a batch again when all rows of the newest are gone', async () => {
    const directory = newFolder()
    const store = await open(directory)
    const { batch } = await keep(store, [])
    store.close()
    await change(directory, (db) => db.exec('DELETE FROM bodies; DELETE FROM batches'))
    const next = await open(directory)
    expect((await keep(next, [])).batch.seq).toBeGreaterThan(batch.seq)
  })

  it('leaves the trace of an attempt that ended with the process', async () => {
    const directory = newFolder()
    const store = await open(directory)
    await keep(store, [sampleEvent()])
    await endAll(store, RETRY)
    const [job] = store.claimJobs(claimOf('counter'))
    store.close()
    const next = await open(directory)
    const [again] = next.claimJobs(claimOf('counter'))
    expect(again).toMatchObject({ event: job?.event, attempt: 3, counted: 3 })
    expect(next.commit({ pages: [], progress: [], jobs: [endedJob(job!, RETRY)] }).refused).toBe(1)
    const detail = await next.archive.getEvent(String(job?.event))
    expect(detail?.jobs[0]?.attempts).toMatchObject([
      { attempt: 1, error: 'busy' },
      { attempt: 2, outcome: 'retry', error: expect.stringContaining('interrupted') },
    ])
  })

  it('refuses everything once it is closed, and closes once', async () => {
    const store = await open()
    store.close()
    store.close()
    const closed = failing('store_closed')
    expect(() => store.append([sampleBatch()])).toThrow(closed)
    expect(() => store.takeBatches({ batches: 1, bytes: 1, leaseMs: 1 })).toThrow(closed)
    expect(() => store.claimRuns(claimOf('counter'))).toThrow(closed)
    expect(() => store.mergeKeys(1)).toThrow(closed)
    store.checkpointIfDue()
  })

  it('refuses everything for ever after a sync that failed', (context) => {
    const disk = preloadDisk(context)
    const engine = new URL('../../../src/store/sqlite/engine.ts', import.meta.url)
    const script = `
      const { openSqliteEngine } = await import('${engine.href}')
      const { writeFileSync } = await import('node:fs')
      const engine = await openSqliteEngine(process.argv[1])
      const codes = []
      const attempt = (work) => {
        try { work(); codes.push('kept') } catch ({ code }) { codes.push(code) }
      }
      const append = (id) => engine.append([{ id, source: 's', provider: 'mailtrap', receivedAt: 1,
        contentType: undefined, sha256: '00', body: new Uint8Array(9) }])
      attempt(() => append('1'))
      writeFileSync(process.env.FAULTS + '/sync', '')
      attempt(() => append('2'))
      attempt(() => append('3'))
      attempt(() => engine.commit({ pages: [], progress: [], jobs: [] }))
      attempt(() => engine.takeBatches({ batches: 1, bytes: 1, leaseMs: 1 }))
      attempt(() => engine.probe())
      console.log(JSON.stringify(codes))
      process.exit()`
    const args = ['--import', 'tsx', '--input-type=module', '-e', script]
    const output = execFileSync(process.execPath, [...args, join(disk.folder, 'receiver.db')], {
      env: { ...process.env, ...disk.env },
      encoding: 'utf8',
    })
    const broken = Array.from({ length: 5 }, () => 'store_broken')
    expect(JSON.parse(output)).toEqual(['kept', ...broken])
  })
})

describe('runs that wait a moment after they were stored', () => {
  const claim = (store: Awaited<ReturnType<typeof open>>) =>
    store.claimRuns(claimOf('counter')).map(({ body, events, ...run }) => ({
      ...run,
      body: Buffer.from(body).toString(),
      events: events.map(({ keys, keyAt, ...event }) => ({
        ...event,
        key: Buffer.from(keys.subarray(keyAt, keyAt + 16)).toString('hex'),
      })),
    }))

  it('are handed out from memory as they would be from the disk', async () => {
    const directory = newFolder()
    const store = await open(directory)
    await keep(store, sampleEvents(3))
    await keep(store, sampleEvents(2))
    const claimed = claim(store)
    expect(claimed.map(({ events }) => events.length)).toEqual([3, 2])
    store.close()
    const again = (run: (typeof claimed)[number]) => ({ ...run, fence: 2, opened: 2 })
    expect(claim(await open(directory))).toEqual(claimed.map(again))
  })

  it('are read from the disk once they are more than may be kept', async () => {
    const store = await open()
    for (let n = 0; n < 300; n++) await keep(store, [sampleEvent()])
    const claimed = claim(store)
    expect(claimed).toHaveLength(300)
    expect(new Set(claimed.map(({ events }) => events[0]?.key)).size).toBe(300)
  })
})

describe('bytes that a disk has changed', () => {
  it('are handed to nobody: the events of their runs are dead, and say why', async () => {
    const directory = newFolder()
    const store = await open(directory)
    const { events } = await keep(store, sampleEvents(3))
    store.close()
    await flipBit(directory)
    const next = await open(directory)
    expect(next.claimRuns(claimOf('counter'))).toEqual([])
    const { rows } = await next.archive.listJobs({ state: 'dead' })
    expect(rows.map(({ event, lastError }) => [Number(event), lastError])).toEqual(
      events.toReversed().map((event) => [event, DAMAGED]),
    )
    expect(next.replay(rows)).toBe(0)
    expect(next.claimJobs(claimOf('counter'))).toEqual([])
  })

  it('become no job when an event of a run that was handed out before fails', async () => {
    const directory = newFolder()
    const store = await open(directory)
    const parts = sampleEvents(2)
    const { runs, batch, events } = await keep(store, parts, { opensFor: ['counter'] })
    const db = await openDriver(store.file, { isReadOnly: false })
    db.exec(`UPDATE bodies SET body = zeroblob(length(body))`)
    db.close()
    const [run] = runs
    const failed = [{ event: events[0]!, durationMs: 1, outcome: RETRY }]
    const progress = { ...run!, batch: batch.seq, done: [], doneMs: [], failed, isGivenBack: true }
    expect(store.commit({ pages: [], progress: [progress], jobs: [] }).refused).toBe(0)
    expect(store.claimJobs(claimOf('counter'))).toEqual([])
    expect((await store.archive.listJobs({ state: 'dead' })).rows).toMatchObject([
      { event: String(events[0]), lastError: DAMAGED },
    ])
  })

  it('are taken for no other content of a known event', async () => {
    const directory = newFolder()
    const store = await open(directory)
    const event = sampleEvent()
    await keep(store, [event])
    store.close()
    await flipBit(directory)
    const next = await open(directory)
    const { known } = next.findKnown(event.key)
    expect([...known.values()]).toMatchObject([{ payload: undefined }])
  })
})

describe('outcomes of a run', () => {
  it('count once, also when a process tells them twice or in both ways', async () => {
    const store = await open()
    await keep(store, sampleEvents(3))
    const [run] = store.claimRuns(claimOf('counter'))
    const [a, b] = eventsOf(run!)
    const progress = {
      ...progressOf(run!, { kind: 'dead', error: 'x' }, [a!, b!]),
      done: [a!, a!, 4_711],
      doneMs: [1, 1, 1],
    }
    expect(store.commit({ pages: [], progress: [progress], jobs: [] }).refused).toBe(3)
    expect((await store.archive.stats()).jobs.counter).toEqual({ pending: 1, done: 1, dead: 1 })
  })
})

describe('opening a SQLite store', () => {
  it('makes files that only their owner may read', async () => {
    const directory = newFolder()
    const store = await open(directory)
    store.append([sampleBatch()])
    const modes = readdirSync(directory).map((name) => {
      const mode = statSync(join(directory, name)).mode & 0o777
      return [name, mode.toString(8)]
    })
    expect(modes).toEqual(expect.arrayContaining([['receiver.db', '600']]))
    expect(new Set(modes.map(([, mode]) => mode))).toEqual(new Set(['600']))
  })

  it('leaves the rights of a file that is there as they are', async () => {
    const directory = newFolder()
    ;(await openSqliteStore(directory)).close()
    chmodSync(join(directory, 'receiver.db'), 0o640)
    await open(directory)
    expect(statSync(join(directory, 'receiver.db')).mode & 0o777).toBe(0o640)
  })

  it('syncs every commit, also after its file was opened again', async () => {
    const directory = newFolder()
    for (const time of ['first', 'second']) {
      const db = await openForWriting(join(directory, 'receiver.db'))
      expect(db.prepare('PRAGMA synchronous').get(), time).toEqual({ synchronous: 2 })
      expect(db.prepare('PRAGMA journal_mode').get(), time).toEqual({ journal_mode: 'wal' })
      db.close()
    }
  })

  it('refuses a data directory that another receiver works on, and frees it when closed', async () => {
    const directory = newFolder()
    const store = await open(directory)
    const file = join(directory, 'receiver.db')
    await expect(openSqliteEngine(file)).rejects.toEqual(failing('store_locked'))
    store.close()
    await open(directory)
  })

  it('refuses a database of a newer version', async () => {
    const directory = newFolder()
    await change(directory, (db) =>
      db.exec(`INSERT INTO schema_migrations VALUES ('9999-from-the-future.sql', 1)`),
    )
    await expect(open(directory)).rejects.toEqual(failing('store_too_new'))
  })

  it('refuses a store of version 0.1.0 in words that say so, and touches nothing in it', async () => {
    const directory = newFolder()
    const made = newFolder()
    const db = await openDriver(join(made, 'receiver.db'), { isReadOnly: false })
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
      CREATE TABLE migrations (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      INSERT INTO migrations VALUES ('0001-tables.sql', 1), ('0002-no-repeats.sql', 1);
      CREATE TABLE batches (seq INTEGER PRIMARY KEY)`)
    // As a process leaves it that was killed: the log holds it all.
    for (const name of ['receiver.db', 'receiver.db-wal']) {
      cpSync(join(made, name), join(directory, name))
    }
    db.close()
    const read = () =>
      ['receiver.db', 'receiver.db-wal'].map((name) => readFileSync(join(directory, name)))
    const before = read()
    await expect(open(directory)).rejects.toMatchObject({
      code: 'store_unreleased',
      message: expect.stringMatching(/0\.1\.0.*never released.*empty DATA_DIR/),
    })
    expect(read()).toEqual(before)
  })

  it('refuses a back-up beside the log of the database before it, and takes it without that', async () => {
    const directory = newFolder()
    const file = join(directory, 'receiver.db')
    const store = await open(directory)
    store.append([sampleBatch()])
    await backUp(file, join(directory, 'copy'))
    store.append([sampleBatch()])
    // As a process leaves it that was killed.
    const log = readFileSync(`${file}-wal`)
    store.close()
    renameSync(join(directory, 'copy'), file)
    writeFileSync(`${file}-wal`, log)
    const before = readFileSync(file)
    const refused = { code: 'store_corrupt', message: expect.stringContaining('-wal belongs to') }
    await expect(open(directory)).rejects.toMatchObject(refused)
    await expect(tryToOpen(file)).rejects.toMatchObject(refused)
    expect([readFileSync(file), readFileSync(`${file}-wal`)]).toEqual([before, log])
    rmSync(`${file}-wal`)
    const taken = (await open(directory)).takeBatches({ batches: 9, bytes: 1e9, leaseMs: 1 })
    expect(taken).toHaveLength(1)
  })

  it.each([
    [
      'of a framework, with migrations of its own',
      'CREATE TABLE migrations (id INTEGER, migration TEXT)',
    ],
    [
      'with migrations that have names as well',
      `CREATE TABLE migrations (name TEXT, applied_at INTEGER);
      INSERT INTO migrations VALUES ('0001_users.sql', 1)`,
    ],
    ['with jobs of its own', 'CREATE TABLE jobs (id INTEGER PRIMARY KEY)'],
  ])('refuses a database of something else, %s, and adds no table', async (_what, sql) => {
    const directory = newFolder()
    const file = join(directory, 'receiver.db')
    const db = await openDriver(file, { isReadOnly: false })
    db.exec(sql)
    db.close()
    const before = readFileSync(file)
    await expect(open(directory)).rejects.toMatchObject({
      code: 'store_corrupt',
      message: expect.stringContaining('something else'),
    })
    expect(readFileSync(file)).toEqual(before)
  })

  it('refuses a file that is no database, and one with a damaged page', async () => {
    const directory = newFolder()
    const file = join(directory, 'receiver.db')
    writeFileSync(file, 'this is not a database, it only looks like a file\n'.repeat(100))
    await expect(open(directory)).rejects.toEqual(failing('store_corrupt'))
    writeFileSync(file, '')
    const store = await open(directory)
    store.wipe('log')
    store.close()
    const bytes = readFileSync(file)
    bytes.fill(0x5a, 4096, 12288)
    writeFileSync(file, bytes)
    await expect(open(directory)).rejects.toEqual(failing('store_corrupt'))
  })

  it('says of a path that leads to no file that it cannot be used, and which path that is', async () => {
    const directory = newFolder()
    const path = join(directory, 'a-file')
    writeFileSync(path, '')
    const file = join(path, 'receiver.db')
    await expect(openSqliteEngine(file)).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining(path),
    })
  })

  it('says of a file that it may only read that it cannot be used, and which file that is', async () => {
    const directory = newFolder()
    ;(await openSqliteStore(directory)).close()
    const file = join(directory, 'receiver.db')
    if (process.geteuid?.() === 0) {
      const left = readdirSync(directory).map((name) => join(directory, name))
      for (const path of [directory, ...left]) chownSync(path, 65_534, 65_534)
    }
    chmodSync(file, 0o400)
    await asOtherUser(() =>
      expect(openSqliteEngine(file)).rejects.toMatchObject({
        code: 'store_unusable',
        message: expect.stringContaining(file),
      }),
    )
    // Files that are made beside it get its rights.
    for (const name of readdirSync(directory)) chmodSync(join(directory, name), 0o600)
    await asOtherUser(async () => (await openSqliteEngine(file)).close())
  })
})
