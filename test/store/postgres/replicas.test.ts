import { randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ClaimedJob, Outcome } from '../../../src/model.ts'
import type { Store } from '../../../src/store/store.ts'
import { sampleBatch, sampleEvent, wholeChunk } from '../sample-rows.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()
const LEASE_MS = 60_000

const claim = (store: Store, limit = 100, leaseMs = LEASE_MS) =>
  store.claim({ handler: 'counter', limit, leaseMs })
const settle = (store: Store, jobs: readonly ClaimedJob[], outcome: Outcome = { kind: 'done' }) =>
  store.settle(
    jobs.map(({ event, handler, attempt, fence }) => ({
      event,
      handler,
      attempt,
      fence,
      durationMs: 1,
      outcome,
    })),
  )
const shuffle = <Item>(items: readonly Item[]) =>
  items
    .map((item) => ({ item, place: randomInt(2 ** 40) }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item)

async function keep(store: Store, events = [sampleEvent()]) {
  const batch = sampleBatch()
  await store.append(batch)
  return store.commitChunk(wholeChunk(batch.id, { events }))
}

async function openTwo(): Promise<[Store, Store, TestDatabase]> {
  const database = await createTestDatabase(server!)
  return [await database.open(), await database.open(), database]
}

describe.skipIf(!server)('two replicas on one PostgreSQL database', () => {
  it('store each event once when both get the same events in different order', async () => {
    const [one, other] = await openTwo()
    for (let round = 0; round < 10; round++) {
      const events = Array.from({ length: 300 }, () => sampleEvent())
      const conflicts = events.slice(0, 50).map((event) => ({ ...event, digest: 'zyxwvutsrqpo' }))
      const receipts = await Promise.all(
        [one, other, one, other].map((store) => keep(store, shuffle([...events, ...conflicts]))),
      )
      const sum = (field: 'stored' | 'conflicts' | 'duplicates') =>
        receipts.reduce((total, receipt) => total + (receipt?.[field] ?? 0), 0)
      // Whichever came first counts as the event, the other content as its conflict.
      expect([sum('stored'), sum('conflicts'), sum('duplicates')]).toEqual([300, 50, 1050])
    }
    expect((await one.stats()).events.total).toBe(3_500)
  })

  it('unpack a batch once when both take it at the same moment', async () => {
    const [one, other] = await openTwo()
    await one.append(sampleBatch())
    const taken = await Promise.all([one, other].map((store) => store.takeBatch(LEASE_MS)))
    expect(taken.filter((batch) => batch !== undefined)).toHaveLength(1)
  })

  it('store the pieces of a batch once when one of them was too slow', async () => {
    const [one, other] = await openTwo()
    const batch = sampleBatch()
    await one.append(batch)
    const receipts = await Promise.all(
      [one, other].map((store) =>
        store.commitChunk(wholeChunk(batch.id, { events: [sampleEvent(), sampleEvent()] })),
      ),
    )
    expect(receipts.filter((receipt) => receipt !== undefined)).toHaveLength(1)
    expect((await one.stats()).events.total).toBe(2)
  })

  it('claim every job once, and neither waits for the other', async () => {
    const [one, other] = await openTwo()
    await keep(
      one,
      Array.from({ length: 500 }, () => sampleEvent()),
    )
    const claimed: string[] = []
    const work = async (store: Store) => {
      for (let jobs = await claim(store, 20); jobs.length > 0; jobs = await claim(store, 20)) {
        claimed.push(...jobs.map(({ event }) => event))
        expect(await settle(store, jobs)).toBe(0)
      }
    }
    await Promise.all([one, other, one, other].map(work))
    expect(claimed).toHaveLength(500)
    expect(new Set(claimed).size).toBe(500)
    expect((await one.stats()).jobs['counter']).toEqual({ pending: 0, done: 500, dead: 0 })
  })

  it('claim what is due at the same moment in the order of the events, wherever the rows lie', async () => {
    const [one, , { execute }] = await openTwo()
    await keep(
      one,
      Array.from({ length: 6 }, () => sampleEvent()),
    )
    // Each rewritten row goes behind those before.
    const newestFirst = `DO $$ DECLARE e BIGINT; BEGIN
      FOR e IN SELECT event_id FROM jobs ORDER BY event_id DESC LOOP
        UPDATE jobs SET due_at = 1000 WHERE event_id = e;
      END LOOP; END $$`
    await execute(newestFirst)
    const claimed = [...(await claim(one, 2)), ...(await claim(one, 2)), ...(await claim(one, 2))]
    const events = claimed.map(({ event }) => Number(event))
    expect(events).toEqual([...events].sort((a, b) => a - b))
    expect(events).toHaveLength(6)
  })

  it('refuse the outcome of one that was stopped past its lease', async () => {
    const [one, other] = await openTwo()
    await keep(one)
    const late = await claim(one, 1, 1)
    let taken: readonly ClaimedJob[] = []
    await expect.poll(async () => (taken = await claim(other))).toHaveLength(1)
    await one.extend(late, LEASE_MS * 100)
    expect(await settle(one, late)).toBe(1)
    expect(await settle(other, taken, { kind: 'dead', error: 'x' })).toBe(0)
    expect((await one.stats()).jobs['counter']).toEqual({ pending: 0, done: 0, dead: 1 })
  })

  it('never put off a retry by a late extension of its lease', async () => {
    const [one, other] = await openTwo()
    await keep(one)
    const jobs = await claim(one)
    await settle(one, jobs, { kind: 'retry', error: 'x', delayMs: 0 })
    await one.extend(jobs, LEASE_MS)
    expect(await claim(other)).toHaveLength(1)
  })

  it('settle and extend the same jobs at once without a deadlock', async () => {
    const [one, other] = await openTwo()
    await keep(
      one,
      Array.from({ length: 200 }, () => sampleEvent()),
    )
    const jobs = await claim(one, 200)
    await Promise.all([
      settle(one, shuffle(jobs)),
      other.extend(shuffle(jobs), LEASE_MS),
      one.extend(shuffle(jobs), LEASE_MS),
      settle(other, shuffle(jobs)),
    ])
    expect((await one.stats()).jobs['counter']).toEqual({ pending: 0, done: 200, dead: 0 })
  })

  it('hear of each other’s batches and jobs', async () => {
    const [one, other, { execute }] = await openTwo()
    const listeners = `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'
      AND datname = current_database()`
    await expect.poll(() => execute(listeners)).toHaveLength(2)
    const hints = new Set<string>()
    other.onHint((hint) => hints.add(hint))
    await keep(one)
    await expect.poll(() => [...hints].sort()).toEqual(['batches', 'jobs'])
  })

  it('prune at the same time, and count what is gone once', async () => {
    const [one, other] = await openTwo()
    for (let n = 0; n < 3; n++) {
      await keep(
        one,
        Array.from({ length: 700 }, () => sampleEvent({ handlers: [] })),
      )
    }
    const FOREVER = Number.MAX_SAFE_INTEGER
    const request = { eventsBefore: FOREVER, deadBefore: FOREVER, keysBefore: FOREVER }
    const pruneAll = async (store: Store) => {
      for (let isDone = false; !isDone; ) isDone = (await store.prune(request)).isDone
    }
    await Promise.all([pruneAll(one), pruneAll(other)])
    await pruneAll(one)
    expect(await one.stats()).toMatchObject({ events: { total: 0, byType: {} } })
  })

  it('never prune an event whose job is made pending meanwhile', async () => {
    const [one, other] = await openTwo()
    const FOREVER = Number.MAX_SAFE_INTEGER
    for (let round = 0; round < 20; round++) {
      await keep(one)
      const [job] = await claim(one)
      await settle(one, job ? [job] : [])
      const [replayed] = await Promise.all([
        one.replay(job ? [{ event: job.event, handler: 'counter' }] : []),
        other.prune({ eventsBefore: FOREVER, deadBefore: FOREVER, keysBefore: 0 }),
      ])
      const jobs = await claim(one)
      expect(jobs).toHaveLength(replayed)
      await settle(one, jobs)
    }
  })
})
