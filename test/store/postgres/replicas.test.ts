import { randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../../src/model.ts'
import type { OpenBatch, OpenRun } from '../../../src/store/store.ts'
import type { PostgresStore } from '../postgres-harness.ts'
import {
  appendAndTake,
  claimOf,
  decide,
  endAll,
  endedJob,
  eventsOf,
  keep,
  LEASE_MS,
  pageOf,
  partOf,
  progressOf,
  pruneAll,
  type SampleEvent,
  sampleBatch,
  sampleEvents,
} from '../sample-rows.ts'
import { startLossyProxy } from './lossy-proxy.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()
const HOUR_MS = 3_600_000
const DONE: Outcome = { kind: 'done' }
const TAKE = { batches: 100, bytes: 2 ** 40, leaseMs: LEASE_MS }

/** Whatever changes a run is done, and rolled back where it is to be committed. */
const REFUSE_COMMITS = `
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not now''; END';
  CREATE CONSTRAINT TRIGGER refusing AFTER UPDATE ON runs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`

const shuffle = <Item>(items: readonly Item[]) =>
  items
    .map((item) => ({ item, place: randomInt(2 ** 40) }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item)

/** Ends all events of these runs, and answers how many came too late. */
async function end(store: PostgresStore, runs: readonly OpenRun[], outcome = DONE) {
  const progress = runs.map((run) => progressOf(run, outcome))
  return (await store.commit({ pages: [], progress, jobs: [] })).refused
}

/** Decides and commits until nobody is faster; answers how many events were stored. */
async function unpackAll(given: {
  store: PostgresStore
  parts: readonly SampleEvent[]
  batch: OpenBatch
}): Promise<number> {
  const { store, parts, batch } = given
  for (;;) {
    const page = await decide(store, pageOf(batch, parts), parts)
    const { pages } = await store.commit({ pages: [page], progress: [], jobs: [] })
    if (pages[0]?.kind === 'stored') return page.events.length
    expect(pages).toEqual([{ kind: 'raced' }])
  }
}

/** Jobs with rows of their own: each event has failed once, and is due. */
async function keepFailed(store: PostgresStore, count: number): Promise<void> {
  await keep(store, sampleEvents(count))
  await endAll(store, { kind: 'retry', error: 'x', delayMs: 0 })
}

async function openTwo(): Promise<[PostgresStore, PostgresStore, TestDatabase]> {
  const database = await createTestDatabase(server!)
  return [await database.open(), await database.open(), database]
}

/** A page of three events whose commit is made and its answer lost; told again it is taken. */
async function storeInLostAnswer(
  page: Parameters<typeof pageOf>[2],
  overrides: Parameters<typeof sampleBatch>[1] = {},
) {
  const database = await createTestDatabase(server!)
  const { url, loseCommit } = await startLossyProxy(database.url)
  const store = await database.open(url)
  const parts = sampleEvents(3)
  const batch = await appendAndTake(store, sampleBatch(parts, overrides))
  const isLost = loseCommit('INSERT INTO runs')
  const commit = () => store.commit({ pages: [pageOf(batch, parts, page)], progress: [], jobs: [] })
  await expect(commit()).rejects.toMatchObject({ code: 'store_busy' })
  await isLost
  expect((await commit()).pages).toEqual([{ kind: 'taken' }])
  return { store, batch, execute: database.execute }
}

describe.skipIf(!server)('two replicas on one PostgreSQL database', () => {
  it('store each event once when both get the same events in different order', async () => {
    const [one, other] = await openTwo()
    for (let round = 0; round < 5; round++) {
      const events = sampleEvents(200)
      const given = []
      for (const store of [one, other, one, other]) {
        const parts = shuffle(events)
        given.push({ store, parts, batch: await appendAndTake(store, sampleBatch(parts)) })
      }
      const stored = await Promise.all(given.map(unpackAll))
      expect(stored.reduce((sum, n) => sum + n, 0)).toBe(200)
    }
    expect((await one.archive.stats()).events.total).toBe(1_000)
  })

  it('tell that a key became known between the look-up and the commit, and store nothing of it', async () => {
    const [one, other] = await openTwo()
    const parts = sampleEvents(3)
    const first = await appendAndTake(one, sampleBatch(parts))
    const second = await appendAndTake(other, sampleBatch(parts))
    const commit = (store: PostgresStore, batch: typeof first) =>
      store.commit({ pages: [pageOf(batch, parts)], progress: [], jobs: [] })
    expect((await commit(one, first)).pages).toMatchObject([{ kind: 'stored' }])
    expect((await commit(other, second)).pages).toEqual([{ kind: 'raced' }])
    expect(await one.archive.stats()).toMatchObject({
      events: { total: 3 },
      batches: { waiting: 1 },
    })
  })

  it('store of several pages those that nobody was faster with', async () => {
    const [one, other] = await openTwo()
    const all = Array.from({ length: 5 }, () => sampleEvents(2))
    const batches = []
    for (const parts of all) batches.push(await appendAndTake(one, sampleBatch(parts)))
    const pages = batches.map((batch, n) => pageOf(batch, all[n]!))
    await other.commit({ pages: [pages[1]!], progress: [], jobs: [] })
    await keep(other, [all[3]![1]!])
    const { pages: results } = await one.commit({ pages, progress: [], jobs: [] })
    expect(results.map(({ kind }) => kind)).toEqual([
      'stored',
      'taken',
      'stored',
      'raced',
      'stored',
    ])
    expect((await one.archive.stats()).events.total).toBe(9)
  })

  it('unpack a batch once when both take it at the same moment', async () => {
    const [one, other] = await openTwo()
    await one.append([sampleBatch()])
    const taken = await Promise.all([one, other].map((store) => store.takeBatches(TAKE)))
    expect(taken.flat()).toHaveLength(1)
  })

  it('store the pieces of a batch once when one of them was too slow', async () => {
    const [one, other] = await openTwo()
    const parts = sampleEvents(2)
    const batch = await appendAndTake(one, sampleBatch(parts))
    const work = { pages: [pageOf(batch, parts)], progress: [], jobs: [] }
    const receipts = await Promise.all([one, other].map((store) => store.commit(work)))
    const kinds = receipts.map(({ pages }) => pages[0]?.kind).sort()
    expect(kinds).toEqual(['stored', 'taken'])
    expect((await one.archive.stats()).events.total).toBe(2)
  })

  it('claim every run and every job once, and neither waits for the other', async () => {
    const [one, other] = await openTwo()
    for (let n = 0; n < 40; n++) await keep(one, sampleEvents(5))
    const claimed: number[] = []
    const work = async (store: PostgresStore) => {
      for (;;) {
        const runs = await store.claimRuns(claimOf('counter', 20))
        if (runs.length === 0) return
        claimed.push(...runs.flatMap(eventsOf))
        expect(await end(store, runs)).toBe(0)
      }
    }
    await Promise.all([one, other, one, other].map(work))
    expect([claimed.length, new Set(claimed).size]).toEqual([200, 200])
    expect((await one.archive.stats()).jobs['counter']).toEqual({ pending: 0, done: 200, dead: 0 })

    await keepFailed(one, 200)
    const again: number[] = []
    const finish = async (store: PostgresStore) => {
      for (;;) {
        const jobs = await store.claimJobs(claimOf('counter', 20))
        if (jobs.length === 0) return
        again.push(...jobs.map(({ event }) => event))
        const ended = jobs.map((job) => endedJob(job, DONE))
        expect(await store.commit({ pages: [], progress: [], jobs: ended })).toMatchObject({
          refused: 0,
        })
      }
    }
    await Promise.all([one, other, one, other].map(finish))
    expect([again.length, new Set(again).size]).toEqual([200, 200])
  })

  it('refuse the outcome of one that was stopped past its lease', async () => {
    const [one, other] = await openTwo()
    await keep(one, sampleEvents(2))
    const late = await one.claimRuns(claimOf('counter', 100, 1))
    let taken: readonly OpenRun[] = []
    await expect
      .poll(async () => (taken = await other.claimRuns(claimOf('counter'))))
      .toHaveLength(1)
    const held = late.map(({ run, fence }) => ({ run, fence }))
    await one.extend({ batches: [], runs: held, jobs: [] }, LEASE_MS * 100)
    expect(await end(one, late)).toBe(2)
    expect(await end(other, taken, { kind: 'dead', error: 'x' })).toBe(0)
    expect((await one.archive.stats()).jobs['counter']).toEqual({ pending: 0, done: 0, dead: 2 })
  })

  it('record and extend the same work at once without a deadlock', async () => {
    const [one, other] = await openTwo()
    await keepFailed(one, 100)
    for (let n = 0; n < 20; n++) await keep(one, sampleEvents(5))
    const jobs = await one.claimJobs(claimOf('counter', 100))
    const runs = await one.claimRuns(claimOf('counter', 100))
    const held = () => ({
      batches: [],
      runs: shuffle(runs.map(({ run, fence }) => ({ run, fence }))),
      jobs: shuffle(jobs.map(({ event, handler, fence }) => ({ event, handler, fence }))),
    })
    const record = (store: PostgresStore) =>
      store.commit({
        pages: [],
        progress: shuffle(runs.map((run) => progressOf(run, DONE))),
        jobs: shuffle(jobs.map((job) => endedJob(job, DONE))),
      })
    await Promise.all([
      record(one),
      other.extend(held(), LEASE_MS),
      one.extend(held(), LEASE_MS),
      record(other),
    ])
    expect((await one.archive.stats()).jobs['counter']).toEqual({ pending: 0, done: 200, dead: 0 })
  })

  it('hear of each other’s batches and jobs', async () => {
    const [one, other, { execute }] = await openTwo()
    const listeners = `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'
      AND datname = current_database()`
    await expect.poll(() => execute(listeners)).toHaveLength(2)
    const hints = new Set<string>()
    other.onHint((hint) => hints.add(hint))
    await keep(one, sampleEvents(1))
    await expect.poll(() => [...hints].sort()).toEqual(['batches', 'jobs'])
    await one.erase({ traces: ['ann@example.com'] })
    await expect.poll(() => [...hints]).toContain('erased')
  })

  it('get again at once what was handed to them in an answer that was lost', async () => {
    const database = await createTestDatabase(server!)
    const { url, loseCommit } = await startLossyProxy(database.url)
    const [one, other] = [await database.open(url), await database.open()]
    await keepFailed(other, 1)
    await keep(other, sampleEvents(1))
    await other.append([sampleBatch()])
    const take = () => one.takeBatches(TAKE)
    const claimRuns = () => one.claimRuns(claimOf('counter'))
    const claimJobs = () => one.claimJobs(claimOf('counter'))
    for (const claim of [take, claimRuns, claimJobs]) {
      const isLost = loseCommit('SKIP LOCKED')
      await expect(claim()).rejects.toMatchObject({ code: 'store_busy' })
      await isLost
    }
    expect(await other.takeBatches(TAKE)).toEqual([])
    expect(await take()).toHaveLength(1)
    // What was never started was no attempt.
    expect(await claimRuns()).toMatchObject([{ opened: 1 }])
    expect(await claimJobs()).toMatchObject([{ attempt: 2, counted: 2 }])
  })

  it('get again at once runs that were opened for them by a commit whose answer was lost', async () => {
    const { store } = await storeInLostAnswer({ opensFor: new Set(['counter']) })
    const runs = await store.claimRuns(claimOf('counter'))
    expect(runs.map(({ events }) => events.length)).toEqual([3])
    expect(await end(store, runs)).toBe(0)
  })

  it('get again at once the rest of a batch whose first page was stored, and the answer lost', async () => {
    const { store, batch } = await storeInLostAnswer({ toPiece: 2 })
    expect(await store.takeBatches(TAKE)).toMatchObject([{ seq: batch.seq, unpackedPieces: 2 }])
  })

  it('count what was recorded once when the answer to it was lost', async () => {
    const database = await createTestDatabase(server!)
    const { url, loseCommit } = await startLossyProxy(database.url)
    const store = await database.open(url)
    await keep(store, sampleEvents(3))
    const runs = await store.claimRuns(claimOf('counter'))
    const isLost = loseCommit('UPDATE runs')
    await expect(end(store, runs)).rejects.toMatchObject({ code: 'store_busy' })
    await isLost
    expect(await end(store, runs)).toBe(0)
    expect((await store.archive.stats()).jobs['counter']).toEqual({ pending: 0, done: 3, dead: 0 })
  })

  it('keep a run in their hands whose end was rolled back, until that is recorded', async () => {
    const [one, other, { execute }] = await openTwo()
    await keep(one, sampleEvents(3))
    const runs = await one.claimRuns(claimOf('counter'))
    await execute(REFUSE_COMMITS)
    await expect(end(one, runs)).rejects.toMatchObject({ code: 'store_busy' })
    await execute('DROP TRIGGER refusing ON runs')
    for (const store of [one, other]) expect(await store.claimRuns(claimOf('counter'))).toEqual([])
    expect(await end(one, runs)).toBe(0)
    expect((await one.archive.stats()).jobs['counter']).toEqual({ pending: 0, done: 3, dead: 0 })
  })

  it('forget again what a step was to forget that was rolled back', async () => {
    const [store, , { execute }] = await openTwo()
    await keep(store, sampleEvents(3), { receivedAt: 1_000 })
    await endAll(store, DONE)
    const request = { eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 0 }
    await execute(REFUSE_COMMITS.replace('UPDATE', 'DELETE'))
    await expect(pruneAll(store, request)).rejects.toMatchObject({ code: 'store_busy' })
    await execute('DROP TRIGGER refusing ON runs')
    await pruneAll(store, request)
    expect((await store.archive.stats()).events.total).toBe(0)
  })

  it('forget keys of which one that was killed had not written down when they were received', async () => {
    const [one, other, { execute }] = await openTwo()
    for (const hour of [1, 2, 4]) await keep(one, sampleEvents(3), { receivedAt: hour * HOUR_MS })
    await one.close()
    await execute('DELETE FROM key_marks WHERE hour = 2')
    const forget = (keysBefore: number) =>
      pruneAll(other, { eventsBefore: 0, deadBefore: 0, keysBefore })
    await forget(4 * HOUR_MS)
    await forget(5 * HOUR_MS)
    expect(await execute('SELECT event FROM keys')).toEqual([])
  })

  it('forget the keys of a page that was stored, and the answer lost', async () => {
    const { store, execute } = await storeInLostAnswer({}, { receivedAt: HOUR_MS })
    expect(await execute('SELECT event FROM keys')).toHaveLength(3)
    await pruneAll(store, { eventsBefore: 0, deadBefore: 0, keysBefore: 2 * HOUR_MS })
    expect(await execute('SELECT event FROM keys')).toEqual([])
  })

  it('give a run back in part, and another goes on with the rest', async () => {
    const [one, other] = await openTwo()
    const { events } = await keep(one, sampleEvents(4))
    const [run] = await one.claimRuns(claimOf('counter'))
    const progress = [partOf(run!, { done: events.slice(0, 2), isGivenBack: true })]
    await one.commit({ pages: [], progress, jobs: [] })
    const [rest] = await other.claimRuns(claimOf('counter'))
    expect(eventsOf(rest!)).toEqual(events.slice(2))
    expect(await end(one, [run!])).toBe(4)
    expect(await end(other, [rest!])).toBe(0)
  })
})
