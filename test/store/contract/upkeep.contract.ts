import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  claimOf,
  endAll,
  endedJob,
  keep,
  partOf,
  progressOf,
  pruneAll,
  sampleEvent,
  sampleEvents,
  samplePiece,
  sha256Of,
  textsOf,
} from '../sample-rows.ts'
import { type StoreHarness, storeForEachTest } from '../store-harness.ts'

const COUNTER = { name: 'counter', module: '/app/a.ts', keys: ['open', '*'], takesBatches: false }
const TAKE = { batches: 10, bytes: 2 ** 40, leaseMs: 60_000 }
const DONE = { kind: 'done' } as const

/** What every engine knows of handlers, and does for people. */
export function describeUpkeep(engine: string, harness: StoreHarness): void {
  describe(`the upkeep of a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const claimRuns = (handler = 'counter') => tested.store.claimRuns(claimOf(handler))
    const claimJobs = (handler = 'counter') => tested.store.claimJobs(claimOf(handler))
    const paused = async () => Object.keys(await tested.store.archive.pausedHandlers())

    it('remembers handlers, and replaces them by name', async () => {
      const where = { category: ['Orders'] }
      const other = { ...COUNTER, name: 'other', takesBatches: true, where }
      await tested.store.saveHandlers([{ ...COUNTER, where }, other])
      await tested.store.saveHandlers([{ ...COUNTER, keys: ['bounce'] }])
      await tested.restart()
      expect(await tested.store.loadHandlers()).toEqual([{ ...COUNTER, keys: ['bounce'] }, other])
    })
    it('replaces a note only for who has read the last one', async () => {
      const { store } = tested
      expect(await store.readNote('alerts')).toBeUndefined()
      expect(await store.writeNote('alerts', { version: 0, body: 'a' })).toBe(true)
      expect(await store.writeNote('alerts', { version: 0, body: 'b' })).toBe(false)
      expect(await store.writeNote('alerts', { version: 1, body: 'c' })).toBe(true)
      expect(await store.writeNote('alerts', { version: 1, body: 'd' })).toBe(false)
      expect(await store.writeNote('other', { version: 5, body: 'e' })).toBe(false)
      await tested.restart()
      expect(await tested.store.readNote('alerts')).toEqual({ version: 2, body: 'c' })
    })
    it('tells since when the oldest batch waits, and of each handler the oldest untried event', async () => {
      const store = tested.store
      expect(await store.archive.stats()).toMatchObject({ oldestUntriedAt: {} })
      await keep(store, sampleEvents(2, { handlers: ['counter'] }), { receivedAt: 2_000 })
      await keep(store, sampleEvents(1, { handlers: ['counter', 'other'] }), { receivedAt: 3_000 })
      await keep(store, [sampleEvent({ handlers: [] })], { receivedAt: 1_000 })
      const { oldestWaitingAt, oldestUntriedAt } = await store.archive.stats()
      expect(oldestWaitingAt).toBeUndefined()
      expect(oldestUntriedAt).toEqual({ counter: 2_000, other: 3_000 })
    })
    it('grants the turns of a handler with a rate, so many at once, and none while it is paused', async () => {
      await tested.store.saveHandlers([COUNTER, { ...COUNTER, name: 'other' }])
      const rate = { everyUs: 3_600_000_000, atOnce: 3 }
      const take = async (handler: string, wanted: number) =>
        await tested.store.takeTurns({ handler, wanted, ...rate })
      expect(await take('counter', 2)).toBe(2)
      expect(await take('counter', 5)).toBe(1)
      expect(await take('counter', 5)).toBe(0)
      expect(await take('other', 5)).toBe(3)
      // At a faster rate the same time makes more of them.
      const fast = { handler: 'counter', wanted: 4, everyUs: 1, atOnce: 10 }
      expect(await tested.store.takeTurns(fast)).toBe(4)
      await tested.store.setPaused('counter', true)
      expect(await tested.store.takeTurns(fast)).toBe(0)
    })
    it('hands out nothing of a handler that is paused, until it is resumed', async () => {
      await tested.store.saveHandlers([COUNTER, { ...COUNTER, name: 'other' }])
      await keep(tested.store, [sampleEvent()])
      await endAll(tested.store, { kind: 'retry', error: 'busy', delayMs: 0 })
      await keep(tested.store, sampleEvents(2, { handlers: ['counter', 'other'] }))
      expect(await tested.store.setPaused('counter', true)).toBe(true)
      expect(await paused()).toEqual(['counter'])
      await tested.restart()
      expect(await claimRuns()).toEqual([])
      expect(await claimJobs()).toEqual([])
      expect(await claimRuns('other')).toHaveLength(1)
      expect(await tested.store.setPaused('counter', false)).toBe(true)
      expect(await paused()).toEqual([])
      expect(await claimRuns()).toHaveLength(1)
      expect(await claimJobs()).toHaveLength(1)
    })
    it('takes what ends while its handler is paused, and hands none of it out again', async () => {
      await tested.store.saveHandlers([COUNTER])
      await keep(tested.store, [sampleEvent()])
      await endAll(tested.store, { kind: 'retry', error: 'busy', delayMs: 0 })
      const { events } = await keep(tested.store, sampleEvents(3))
      const [run] = await claimRuns()
      const [job] = await claimJobs()
      await tested.store.setPaused('counter', true)
      const progress = [partOf(run!, { done: [events[0]!], isGivenBack: true })]
      const { refused } = await tested.store.commit({
        pages: [],
        progress,
        jobs: [endedJob(job!, { kind: 'released' })],
      })
      expect(refused).toBe(0)
      expect((await tested.store.archive.stats()).jobs['counter']).toEqual({
        pending: 3,
        done: 1,
        dead: 0,
      })
      expect(await claimRuns()).toEqual([])
      expect(await claimJobs()).toEqual([])
    })
    it('keeps what comes while its handler is paused, and hands it out afterwards', async () => {
      await tested.store.saveHandlers([COUNTER])
      await tested.store.setPaused('counter', true)
      await keep(tested.store, sampleEvents(2))
      expect(await claimRuns()).toEqual([])
      await tested.store.setPaused('counter', false)
      expect(await claimRuns()).toMatchObject([{ opened: 1 }])
    })
    it('opens no run of a handler that is paused, though it could take one', async () => {
      await tested.store.saveHandlers([COUNTER, { ...COUNTER, name: 'other' }])
      await tested.store.setPaused('counter', true)
      const { runs } = await keep(
        tested.store,
        sampleEvents(2, { handlers: ['counter', 'other'] }),
        { opensFor: ['counter', 'other'] },
      )
      const fences = runs.map(({ handler, fence }) => [handler, fence])
      expect(Object.fromEntries(fences)).toEqual({ counter: 0, other: 1 })
      await tested.store.setPaused('counter', false)
      expect(await claimRuns()).toMatchObject([{ opened: 1 }])
    })
    it('stays paused when the handler is saved again, and since when it was paused', async () => {
      await tested.store.saveHandlers([COUNTER])
      const before = Date.now()
      await tested.store.setPaused('counter', true)
      const since = (await tested.store.archive.pausedHandlers())['counter'] ?? 0
      expect(since).toBeGreaterThanOrEqual(before - 1_000)
      expect(since).toBeLessThanOrEqual(Date.now() + 1_000)
      await tested.store.saveHandlers([{ ...COUNTER, keys: ['bounce'] }])
      await tested.store.setPaused('counter', true)
      expect(await tested.store.archive.pausedHandlers()).toEqual({ counter: since })
    })
    it('knows of no pause of a handler that is not there', async () => {
      expect(await tested.store.setPaused('nobody', true)).toBe(false)
      expect(await paused()).toEqual([])
    })
    it('puts the bytes of an unreadable piece into the journal again, as they were received', async () => {
      const content = Buffer.from([123, 34, 255, 0, 34])
      await keep(
        tested.store,
        [sampleEvent(), samplePiece({ content, pieces: 2 }), sampleEvent()],
        {
          source: 'audit',
          receivedAt: 5_000,
        },
      )
      const id = randomUUID()
      const [row] = (await tested.store.archive.listQuarantine({})).rows
      expect(await tested.store.requeue(row!.id, id)).toBe(true)
      const [batch] = await tested.store.takeBatches(TAKE)
      expect({ ...batch, body: Buffer.from(batch!.body) }).toMatchObject({
        id,
        source: 'audit',
        provider: 'mailtrap',
        receivedAt: 5_000,
        unpackedPieces: 0,
        sha256: sha256Of(content),
        body: content,
      })
      expect((await tested.store.archive.listQuarantine({})).rows).toEqual([])
      expect((await tested.store.archive.stats()).quarantined).toBe(0)
      expect(await tested.store.requeue(row!.id, randomUUID())).toBe(false)
      expect((await tested.store.archive.stats()).batches).toEqual({ received: 2, waiting: 1 })
    })
    it('does so from the bytes that the piece carries when the body is gone', async () => {
      const content = Buffer.from('{"event":"open"')
      await keep(tested.store, [sampleEvent({ handlers: [] }), samplePiece({ content })], {
        receivedAt: 1_000,
      })
      const request = { eventsBefore: 2_000, deadBefore: 500, keysBefore: 0 }
      await pruneAll(tested.store, request)
      const { archive } = tested.store
      expect((await archive.listEvents({})).rows).toEqual([])
      const [row] = (await archive.listQuarantine({})).rows
      expect(row).toMatchObject({ source: 'mailtrap', receivedAt: 1_000, bytes: content.length })
      expect(Buffer.from((await archive.quarantineBody(row!.id)) ?? [])).toEqual(content)
      const id = randomUUID()
      expect(await tested.store.requeue(row!.id, id)).toBe(true)
      const [batch] = await tested.store.takeBatches(TAKE)
      expect(Buffer.from(batch!.body)).toEqual(content)
      expect(batch).toMatchObject({ id, receivedAt: 1_000 })
    })
    it('requeues nothing under the id of a batch that is there', async () => {
      const { batch } = await keep(tested.store, [samplePiece()])
      const [row] = (await tested.store.archive.listQuarantine({})).rows
      const ask = async () => tested.store.requeue(row!.id, batch.id)
      await Promise.resolve(ask()).catch(() => undefined)
      expect((await tested.store.archive.stats()).quarantined).toBe(1)
      expect(await tested.store.requeue(row!.id, randomUUID())).toBe(true)
    })
    it('never forgets what is dead for one handler while another has it to run', async () => {
      const event = sampleEvent({ handlers: ['counter', 'other'] })
      const { events } = await keep(tested.store, [event, sampleEvent()], { receivedAt: 1_000 })
      await endAll(tested.store, { kind: 'dead', error: 'x' })
      const request = { eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 0 }
      await pruneAll(tested.store, request)
      const { rows } = await tested.store.archive.listEvents({})
      expect(rows).toMatchObject([{ id: String(events[0]), state: 'pending' }])
      const [run] = await claimRuns('other')
      expect(textsOf(run!)).toEqual([event.payload])
    })
    it('answers false for a piece that is not there', async () => {
      expect(await tested.store.requeue('4711', randomUUID())).toBe(false)
      expect((await tested.store.archive.stats()).batches).toEqual({ received: 0, waiting: 0 })
    })
    it('adds up nothing but zero at the beginning', async () => {
      expect(await tested.store.archive.stats()).toMatchObject({
        batches: { received: 0, waiting: 0 },
        events: { total: 0, byType: {} },
        duplicates: 0,
        quarantined: 0,
        jobs: {},
        backlog: 0,
        oldestPendingMs: 0,
      })
    })
    it('adds everything up', async () => {
      const event = sampleEvent()
      const receivedAt = Date.now() - 60_000
      await tested.store.saveHandlers([COUNTER])
      await keep(tested.store, [
        event,
        event,
        { ...event, payload: '{"event":"open"}' },
        sampleEvent({ handlers: [] }),
        samplePiece({ pieces: 3 }),
      ])
      const kept = await keep(tested.store, sampleEvents(3, { type: 'click' }), { receivedAt })
      const runs = await claimRuns()
      const [a, b] = kept.events
      const progress = [
        partOf(runs[1]!, { done: [a!] }),
        progressOf(runs[1]!, { kind: 'dead', error: 'x' }, [b!]),
      ]
      await tested.store.commit({ pages: [], progress, jobs: [] })
      const stats = await tested.store.archive.stats()
      expect(stats).toMatchObject({
        batches: { received: 2, waiting: 0 },
        events: {
          total: 6,
          byState: { pending: 2, done: 1, dead: 1, unhandled: 1, conflict: 1, stale: 0 },
          byType: { open: 3, click: 3 },
        },
        duplicates: 1,
        quarantined: 3,
        jobs: { counter: { pending: 2, done: 1, dead: 1 } },
        backlog: 2,
      })
      expect(Math.abs(Date.now() - stats.countedAt)).toBeLessThan(60_000)
      await tested.store.commit({ pages: [], progress: [progressOf(runs[0]!, DONE)], jobs: [] })
      const rest = await tested.store.archive.stats()
      expect(rest).toMatchObject({
        backlog: 1,
        jobs: { counter: { pending: 1, done: 2, dead: 1 } },
      })
      expect(rest.oldestPendingMs).toBeGreaterThanOrEqual(60_000)
    })
    it('counts batches that wait as a backlog, as old as they are', async () => {
      await keep(tested.store, [sampleEvent()])
      const open = {
        ...(await keep(tested.store, [])).batch,
        id: randomUUID(),
        receivedAt: Date.now() - 90_000,
      }
      await tested.store.append([open])
      const stats = await tested.store.archive.stats()
      expect(stats).toMatchObject({ batches: { received: 3, waiting: 1 }, backlog: 2 })
      expect(stats.oldestPendingMs).toBeGreaterThanOrEqual(90_000)
    })
  })
}
