import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type CopyOptions, copyStore } from '../../src/store/copy-store.ts'
import { keep, makeSample, readStore, storeFile, takeAll, withStore } from './copied-store.ts'
import { createTestDatabase, type TestDatabase } from './postgres/test-database.ts'
import { findTestServer } from './postgres/test-server.ts'
import { sampleBatch, sampleEvent } from './sample-rows.ts'

const server = await findTestServer()
const sample = await makeSample()

interface Copy {
  readonly file: string
  readonly database: TestDatabase
  run(options?: Partial<CopyOptions>): ReturnType<typeof copyStore>
}

/** A filled file, and an empty database. */
async function prepare(): Promise<Copy> {
  const database = await createTestDatabase(server!)
  const file = storeFile()
  writeFileSync(file, sample.bytes)
  return {
    file,
    database,
    run: (options) =>
      copyStore({
        file,
        url: database.url,
        onProgress: () => {},
        onWarning: () => {},
        stopped: new AbortController().signal,
        random: Math.random,
        ...options,
      }),
  }
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
  it('takes everything along, numbers, bytes and totals included', async () => {
    const { file, database, run } = await prepare()
    const { content, waiting } = sample
    const { outcome, rows } = await run()
    expect(outcome).toBe('copied')
    expect(rows).toMatchObject({ events: 1_507, quarantine: 1, batches: 5 })
    const store = await database.open()
    expect(await readStore(store)).toEqual(content)
    expect(await takeAll(store)).toEqual(waiting)
    // The sample is worth copying, and is still what it was.
    expect(content.stats.events.byState).toMatchObject({ conflict: 1, stale: 1, unhandled: 2 })
    expect(Object.values(content.stats.jobs['counter']!)).not.toContain(0)
    expect(waiting).toHaveLength(2)
    expect(await withStore(file, readStore)).toEqual(content)
  })

  it('keeps knowing what was received, and goes on with new numbers', async () => {
    const { database, run } = await prepare()
    await run()
    const store = await database.open()
    const ids = (await readStore(store)).events.map(({ id }) => Number(id))

    expect(await keep(store, sample.events)).toMatchObject({ stored: 0, duplicates: 1_500 })
    expect(await keep(store, [sampleEvent({ occurredAt: 1 })])).toMatchObject({ stale: 1 })
    expect(await keep(store, [sampleEvent()])).toMatchObject({ stored: 1 })
    const { rows } = await store.listEvents({ limit: 1 })
    expect(Number(rows[0]?.id)).toBeGreaterThan(Math.max(...ids))
  })

  it('hands on jobs as they stood: those under way and those due, never those that ended', async () => {
    const { database, run } = await prepare()
    await run()
    const store = await database.open()
    const { counter } = (await store.stats()).jobs
    const claimed = await store.claim({ handler: 'counter', limit: 5_000, leaseMs: 60_000 })
    const waitForRetry = 300
    expect(claimed).toHaveLength(counter!.pending - waitForRetry)
    expect(claimed.filter(({ attempt }) => attempt === 2)).toHaveLength(10)
  })

  it('takes large bodies a few at a time', async () => {
    const { database, run } = await prepare()
    const file = storeFile()
    const bodies = [1, 2, 3].map((n) => () => Buffer.alloc(5_000_000, n))
    await withStore(file, async (store) => {
      for (const makeBody of bodies) await store.append(sampleBatch({ body: makeBody() }))
    })
    let chunks = 0
    await run({ file, onProgress: () => chunks++ })
    expect(chunks).toBe(3)
    const store = await database.open()
    for (const makeBody of bodies) {
      const batch = await store.takeBatch(60_000)
      expect(makeBody().equals(batch!.body)).toBe(true)
    }
  })

  it('takes an empty store', async () => {
    const { database, run } = await prepare()
    const file = storeFile()
    await withStore(file, async () => {})
    expect(await run({ file })).toMatchObject({ outcome: 'copied', rows: { events: 0, keys: 0 } })
    const store = await database.open()
    expect(await keep(store, [sampleEvent()])).toMatchObject({ stored: 1 })
  })
})

describe.skipIf(!server)('a copy that broke off', () => {
  it.each([1, 4, 7])('goes on after chunk %i as if nothing had been', async (chunks) => {
    const { database, run } = await prepare()

    const stopped = await run(stopAfter(chunks))
    expect(stopped.outcome).toBe('stopped')
    const { outcome, earlierRows } = await run()

    expect(outcome).toBe('copied')
    expect(earlierRows).toBe(Object.values(stopped.rows).reduce((sum, n) => sum + n, 0))
    expect(await readStore(await database.open())).toEqual(sample.content)
  })

  it('goes on after its connection was cut within a chunk', async () => {
    const { database, run } = await prepare()
    await (await database.open()).close()
    await database.execute(`
      CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
      CREATE TRIGGER cut BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.id = 1200)
        EXECUTE FUNCTION cut()`)

    await expect(run()).rejects.toMatchObject({ code: 'store_busy' })
    await database.execute('DROP TRIGGER cut ON events')

    expect(await run()).toMatchObject({ outcome: 'copied' })
    expect(await readStore(await database.open())).toEqual(sample.content)
  })

  it('is not begun again once it has ended', async () => {
    const { database, run } = await prepare()
    await run()
    const store = await database.open()
    await keep(store, [sampleEvent()])
    const before = await readStore(store)
    expect(await run()).toMatchObject({ outcome: 'had_ended', rows: { events: 1_507 } })
    expect(await readStore(store)).toEqual(before)
  })

  it('is refused when a receiver worked on the file meanwhile', async () => {
    const { file, run } = await prepare()
    await run(stopAfter(2))
    await withStore(file, (store) => store.claim({ handler: 'counter', limit: 1, leaseMs: 1 }))
    await expect(run()).rejects.toMatchObject({ problem: 'source_changed' })
  })

  it('is refused when somebody wrote into the database meanwhile', async () => {
    const { database, run } = await prepare()
    await run(stopAfter(2))
    await keep(await database.open(), [sampleEvent()])
    await expect(run()).rejects.toMatchObject({ problem: 'target_changed' })
  })
})

describe.skipIf(!server)('a copy that may not begin', () => {
  it('is refused while a receiver works on the file', async () => {
    const { file, run } = await prepare()
    await withStore(file, () => expect(run()).rejects.toMatchObject({ code: 'store_locked' }))
  })

  it('is refused without a file, and makes none', async () => {
    const { run } = await prepare()
    const file = storeFile()
    await expect(run({ file })).rejects.toMatchObject({ problem: 'source_missing' })
    await expect(run({ file })).rejects.toMatchObject({ problem: 'source_missing' })
  })

  it('is refused into a database that has data, and changes nothing in it', async () => {
    const { database, run } = await prepare()
    const store = await database.open()
    await keep(store, [sampleEvent()])
    const before = await readStore(store)
    await expect(run()).rejects.toMatchObject({ problem: 'target_used' })
    expect(await readStore(store)).toEqual(before)
  })

  it('is refused into a database with the copy of another file', async () => {
    const { database, run } = await prepare()
    const file = storeFile()
    await withStore(file, async () => {})
    await run({ file })
    await expect(run()).rejects.toMatchObject({ problem: 'target_used' })
    expect((await (await database.open()).stats()).events.total).toBe(0)
  })

  it('ends when another goes on with it at the same time', async () => {
    const { database, run } = await prepare()
    await run(stopAfter(1))
    await database.execute(`CREATE FUNCTION overtake() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.progress := NEW.progress || '' ''; RETURN NEW; END';
      CREATE TRIGGER overtake BEFORE UPDATE ON store_copies FOR EACH ROW EXECUTE FUNCTION overtake()`)
    await expect(run()).rejects.toMatchObject({ problem: 'taken_over' })
  })
})
