import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { eventIdOf } from '../../../src/store/event-id.ts'
import { type CopyOptions, copyStore } from '../../../src/store/postgres/copy-target.ts'
import { openForWriting } from '../../../src/store/sqlite/open-database.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { makeSample, newFolder, readPages, readStore, takeAll, withStore } from '../copied-store.ts'
import { openPostgresStore } from '../postgres-harness.ts'
import { claimOf, keep, sampleBatch, sampleEvent } from '../sample-rows.ts'
import { openTestKeys } from '../sqlite/test-keys.ts'
import { startLossyProxy } from './lossy-proxy.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()
const sample = await makeSample()

/** A filled file, and an empty database. */
async function prepare() {
  const url = await server!.createDatabase()
  const folder = newFolder()
  const stores: Awaited<ReturnType<typeof openPostgresStore>>[] = []
  const warnings: string[] = []
  onTestFinished(async () => {
    for (const store of stores) await store.close()
    await server!.dropDatabase(url)
  })
  writeFileSync(join(folder, 'receiver.db'), sample.bytes)
  return {
    folder,
    url,
    warnings,
    execute: (sql: string) => server!.execute(url, sql),
    async open() {
      const store = await openPostgresStore(url)
      stores.push(store)
      return store
    },
    run: (options: Partial<CopyOptions> = {}) =>
      copyStore({
        file: join(folder, 'receiver.db'),
        url,
        onProgress: () => {},
        // The tests' server has its own, for what makes it fast.
        onWarning: (text) => text.startsWith('PostgreSQL runs with') || warnings.push(text),
        stopped: new AbortController().signal,
        random: Math.random,
        ...options,
      }),
  }
}

/** Likewise, with tables already. */
async function prepareTables() {
  const prepared = await prepare()
  await (await prepared.open()).archive.stats()
  const [found] = (await prepared.execute(
    `SELECT schemaname AS schema FROM pg_tables WHERE tablename = 'key_marks'`,
  )) as { schema: string }[]
  return { ...prepared, schema: found!.schema }
}

/** Stops a copy after so many chunks. */
function stopAfter(chunks: number): Pick<CopyOptions, 'onProgress' | 'stopped'> {
  const stopping = new AbortController()
  let seen = 0
  return {
    stopped: stopping.signal,
    onProgress() {
      seen++
      if (seen === chunks) stopping.abort()
    },
  }
}

describe.skipIf(!server)('copying a SQLite store to PostgreSQL', () => {
  it('takes everything along, numbers, bytes, keys and totals included', async () => {
    const { folder, warnings, open, run } = await prepare()
    const { content, waiting } = sample
    const { outcome, rows } = await run()
    expect(outcome).toBe('copied')
    expect(rows).toMatchObject({ events: 1_507, quarantine: 1, batches: 5, keys: 1_506, audit: 2 })
    expect(warnings).toEqual([])
    const store = await open()
    expect(await readStore(store)).toEqual(content)
    expect(await takeAll(store)).toEqual(waiting)
    // The sample is worth copying, and is still what it was.
    expect(content.stats.events.byState).toMatchObject({ conflict: 1, stale: 1, unhandled: 2 })
    expect(Object.values(content.stats.jobs['counter']!)).not.toContain(0)
    expect(waiting).toHaveLength(2)
    expect(await withStore(folder, readStore)).toEqual(content)
  })

  it('keeps knowing what was received, and goes on with new numbers', async () => {
    const { open, run } = await prepare()
    await run()
    const store = await open()
    const ids = (await readStore(store)).events.map(({ id }) => Number(id))
    expect(await keep(store, sample.events)).toMatchObject({ stored: 0, duplicates: 1_500 })
    expect(await keep(store, [sampleEvent({ occurredAt: 1 })])).toMatchObject({ stale: 1 })
    const { events } = await keep(store, [sampleEvent()])
    expect(events[0]).toBeGreaterThan(Math.max(...ids))
  })

  it('takes keys along that were moved into segments, and says which damage took', async () => {
    const { folder, warnings, open, run } = await prepare()
    const file = join(folder, 'receiver.db')
    const keys = randomBytes(5_000 * 16)
    const db = await openForWriting(file)
    const known = openTestKeys(db, { tableEntries: 1_024, tablesPerSegment: 2 })
    for (let n = 0; n < 5_000; n += 500) {
      const events = Array.from({ length: 500 }, (_, index) => eventIdOf(1_000, n + index))
      known.add(keys.subarray(n * 16, (n + 500) * 16), events, Date.now())
      while (known.merge(50));
    }
    const { n } = db.prepare('SELECT count(*) AS n FROM key_pages').get() as { n: number }
    expect(n).toBeGreaterThan(10)
    db.exec(`UPDATE key_pages SET entries = zeroblob(octet_length(entries))
      WHERE id = (SELECT max(id) FROM key_pages)`)
    db.close()
    const { rows } = await run()
    expect(warnings).toMatchObject([
      expect.stringMatching(/About \d+ keys in the file are damaged/),
    ])
    const store = await open()
    const found = (await store.findKnown(keys)).known
    expect([...found].every(([n, { event }]) => event === eventIdOf(1_000, n))).toBe(true)
    expect(found.size).toBeGreaterThan(4_700)
    expect(found.size).toBeLessThan(5_000)
    expect(rows['keys']).toBe(1_506 + found.size)
  })

  it('hands on jobs as they stood: those under way and those due, never those that ended', async () => {
    const { open, run } = await prepare()
    await run()
    const store = await open()
    const jobs = await store.claimJobs(claimOf('counter'))
    const pending = sample.content.jobs.filter(
      ({ state, lastError }) => state === 'pending' && lastError?.includes('at once'),
    )
    expect(jobs).toHaveLength(pending.length)
    expect(jobs.filter(({ attempt }) => attempt === 3)).toHaveLength(10)
    const runs = await store.claimRuns(claimOf('counter'))
    const open_ = runs.reduce((sum, { events }) => sum + events.length, 0)
    const later = sample.content.jobs.filter(({ lastError }) => lastError?.includes('later'))
    const { counter } = (await store.archive.stats()).jobs
    expect(open_).toBe(counter!.pending - jobs.length - later.length)
  })

  it('takes large bodies a few at a time', async () => {
    const { open, run } = await prepare()
    const folder = newFolder()
    const bodies = [1, 2, 3].map((n) => Buffer.alloc(5_000_000, n))
    await withStore(folder, async (store) => {
      for (const body of bodies) store.append([sampleBatch([], { body })])
    })
    const steps: number[] = []
    await run({ file: join(folder, 'receiver.db'), onProgress: (rows) => steps.push(rows) })
    // Each body by itself, then the batches together.
    expect(steps).toEqual([1, 2, 3, 6])
    const taken = await (await open()).takeBatches({ batches: 9, bytes: 2 ** 40, leaseMs: 1 })
    expect(taken.map(({ body }, n) => bodies[n]!.equals(body))).toEqual([true, true, true])
  })

  it('finds every recipient beside what comes afterwards', async () => {
    const { open, run } = await prepare()
    const folder = newFolder()
    const parts = Array.from({ length: 800 }, (_, n) =>
      sampleEvent({ recipient: `${n}@old.example` }),
    )
    await withStore(folder, async (store) => {
      await keep(store, parts.slice(0, 400))
      await keep(store, parts.slice(400))
    })
    await run({ file: join(folder, 'receiver.db') })
    const store = await open()
    await keep(store, [sampleEvent({ recipient: 'new@new.example' })])
    for (const recipient of ['0@old.example', '400@old.example', '799@old.example']) {
      const rows = await readPages((page) => store.archive.listEvents({ recipient, ...page }))
      expect(rows, recipient).toHaveLength(1)
    }
  })

  it('takes an empty store', async () => {
    const { open, run } = await prepare()
    const folder = newFolder()
    await withStore(folder, async () => {})
    const file = join(folder, 'receiver.db')
    expect(await run({ file })).toMatchObject({ outcome: 'copied', rows: { events: 0, keys: 0 } })
    expect(await keep(await open(), [sampleEvent()])).toMatchObject({ stored: 1 })
  })
})

describe.skipIf(!server)('a copy that broke off', () => {
  it.each([1, 4, 8])('is begun anew after chunk %i as if nothing had been', async (chunks) => {
    const { open, run } = await prepare()
    expect((await run(stopAfter(chunks))).outcome).toBe('stopped')
    expect((await run()).outcome).toBe('copied')
    expect(await readStore(await open())).toEqual(sample.content)
  })

  it('is begun anew after its connection was cut within a chunk', async () => {
    const { execute, schema, open, run } = await prepareTables()
    await execute(`
      CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
      CREATE TRIGGER cut BEFORE INSERT ON ${schema}.runs FOR EACH ROW EXECUTE FUNCTION cut()`)
    await expect(run()).rejects.toMatchObject({ code: 'store_busy' })
    await execute(`DROP TRIGGER cut ON ${schema}.runs`)
    expect(await run()).toMatchObject({ outcome: 'copied' })
    expect(await readStore(await open())).toEqual(sample.content)
  })

  it('is whole where only the answer to its end was lost', async () => {
    const { url, open, run } = await prepare()
    const proxy = await startLossyProxy(url)
    const isLost = proxy.loseCommit('INSERT INTO audit')
    expect(await run({ url: proxy.url })).toMatchObject({ outcome: 'copied' })
    await isLost
    expect(await readStore(await open())).toEqual(sample.content)
  })

  it('says that it may be whole where nobody can be asked any more', async () => {
    const { url, open, run } = await prepare()
    const proxy = await startLossyProxy(url)
    const isLost = proxy.loseCommit('INSERT INTO audit', { forGood: true })
    await expect(run({ url: proxy.url })).rejects.toMatchObject({ problem: 'end_unknown' })
    await isLost
    await expect(run()).rejects.toMatchObject({ problem: 'target_used' })
    expect(await readStore(await open())).toEqual(sample.content)
  })

  it('is not begun again once it has ended', async () => {
    const { open, run } = await prepare()
    await run()
    const store = await open()
    await keep(store, [sampleEvent()])
    const before = await readStore(store)
    await expect(run()).rejects.toMatchObject({ problem: 'target_used' })
    expect(await readStore(store)).toEqual(before)
  })

  it('never takes away what a receiver has acknowledged into the database meanwhile', async () => {
    const { open, run } = await prepare()
    await run(stopAfter(3))
    const store = await open()
    await keep(store, [sampleEvent()])
    await expect(run()).rejects.toMatchObject({ problem: 'target_used' })
    const { rows } = await store.archive.listEvents({ limit: 1 })
    expect(rows).toHaveLength(1)
  })

  it('leaves nothing when somebody else wrote into the database before it ended', async () => {
    const { execute, schema, open, run } = await prepareTables()
    await execute(`
      CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO ${schema}.bodies VALUES (4711, sha256(now()::text::bytea)); RETURN NULL; END';
      CREATE TRIGGER interfere AFTER INSERT ON ${schema}.runs EXECUTE FUNCTION interfere()`)
    await expect(run()).rejects.toMatchObject({ problem: 'target_changed' })
    expect((await readStore(await open())).events).toEqual([])
    await execute(`DROP TRIGGER interfere ON ${schema}.runs`)
    expect(await run()).toMatchObject({ outcome: 'copied' })
  })

  it('does not begin while another is under way', async () => {
    const { execute, schema, url, run } = await prepareTables()
    await execute(`
      CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END';
      CREATE TRIGGER wait AFTER INSERT ON ${schema}.runs EXECUTE FUNCTION wait()`)
    const gate = new Client(url)
    await gate.connect()
    onTestFinished(() => gate.end())
    await gate.query('SELECT pg_advisory_lock(4711)')
    const first = run()
    const isWaiting = async () =>
      (await gate.query('SELECT 1 FROM pg_locks WHERE objid = 4711 AND NOT granted')).rowCount === 1
    await expect.poll(isWaiting).toBe(true)
    const folder = newFolder()
    writeFileSync(join(folder, 'receiver.db'), sample.bytes)
    const second = run({ file: join(folder, 'receiver.db') })
    await expect(second).rejects.toMatchObject({ problem: 'taken_over' })
    await gate.query('SELECT pg_advisory_unlock(4711)')
    expect(await first).toMatchObject({ outcome: 'copied' })
  })
})

describe.skipIf(!server)('a copy that may not begin', () => {
  it('is refused while a receiver works on the file', async () => {
    const { folder, run } = await prepare()
    await withStore(folder, () => expect(run()).rejects.toMatchObject({ code: 'store_locked' }))
  })

  it('is refused without a file, and makes none', async () => {
    const { run } = await prepare()
    const file = join(newFolder(), 'receiver.db')
    await expect(run({ file })).rejects.toMatchObject({ problem: 'source_missing' })
    await expect(run({ file })).rejects.toMatchObject({ problem: 'source_missing' })
  })

  it('is refused into a database that has data, and changes nothing in it', async () => {
    const { open, run } = await prepare()
    const store = await open()
    await keep(store, [sampleEvent()])
    const before = await readStore(store)
    await expect(run()).rejects.toMatchObject({ problem: 'target_used' })
    expect(await readStore(store)).toEqual(before)
  })
})
