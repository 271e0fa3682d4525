import { describe, expect, it } from 'vitest'
import { claimOf, keep, progressOf, pruneAll, sampleEvent, sampleEvents } from './sample-rows.ts'
import { type StoreHarness, storeForEachTest } from './store-harness.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** A whole hour. */
const NOON = Date.UTC(2026, 0, 21, 12)

/** What the dashboard needs of every engine. */
export function describeDashboardStore(engine: string, harness: StoreHarness): void {
  describe(`the dashboard's view of a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)

    const keepTypes = (receivedAt: number, types: readonly string[], source = 'mailtrap') =>
      keep(
        tested.store,
        types.map((type) => sampleEvent({ type })),
        { receivedAt, source },
      )
    const count = (from: number, to: number, bucketMs: number) =>
      tested.store.archive.countEvents({ from, to, bucketMs })

    describe('events by time', () => {
      it('are counted by type, in minutes and in hours, by their receipt', async () => {
        await keepTypes(NOON + 30_000, ['open', 'open', 'bounce'])
        await keepTypes(NOON + 59_999, ['open'])
        await keepTypes(NOON + 2 * MINUTE_MS, ['bounce'])
        await keepTypes(NOON + HOUR_MS, ['click'])
        await keepTypes(NOON - 1, ['click'])

        expect(await count(NOON, NOON + HOUR_MS, MINUTE_MS)).toEqual([
          { bucket: 0, type: 'bounce', n: 1 },
          { bucket: 0, type: 'open', n: 3 },
          { bucket: 2, type: 'bounce', n: 1 },
        ])
        expect(await count(NOON - 2 * HOUR_MS, NOON + 2 * HOUR_MS, 2 * HOUR_MS)).toEqual([
          { bucket: 0, type: 'click', n: 1 },
          { bucket: 1, type: 'bounce', n: 2 },
          { bucket: 1, type: 'click', n: 1 },
          { bucket: 1, type: 'open', n: 3 },
        ])
      })
      it('leave out what was sent twice', async () => {
        const events = [sampleEvent()]
        await keep(tested.store, events, { receivedAt: NOON })
        await keep(tested.store, events, { receivedAt: NOON })
        expect(await count(NOON, NOON + MINUTE_MS, MINUTE_MS)).toEqual([
          { bucket: 0, type: 'open', n: 1 },
        ])
      })
      it('stay after a restart, minutes for two days and hours as long as events', async () => {
        await keepTypes(NOON - 3 * 24 * HOUR_MS, ['open'])
        await keepTypes(NOON, ['open'])
        await tested.restart()
        const all = [NOON - 96 * HOUR_MS, NOON + HOUR_MS] as const
        const prune = async (eventsBefore: number) => {
          const request = { eventsBefore, deadBefore: 0, keysBefore: 0 }
          await pruneAll(tested.store, request)
        }

        await prune(NOON - 96 * HOUR_MS)
        expect(await count(...all, HOUR_MS)).toHaveLength(2)
        await prune(NOON - 24 * HOUR_MS)
        expect(await count(...all, HOUR_MS)).toHaveLength(1)
        expect(await count(...all, MINUTE_MS)).toHaveLength(1)
      })
      it('keep their minutes when a batch is dated two years ahead', async () => {
        await keepTypes(NOON, ['open'])
        await keepTypes(Date.now() + 730 * 24 * HOUR_MS, ['open'])
        const request = { eventsBefore: NOON - 96 * HOUR_MS, deadBefore: 0, keysBefore: 0 }
        await pruneAll(tested.store, request)
        expect(await count(NOON, NOON + HOUR_MS, MINUTE_MS)).toHaveLength(1)
      })
    })

    it('knows when each source sent its newest batch', async () => {
      await keepTypes(NOON, ['open'], 'mailtrap')
      await keepTypes(NOON + 1_000, [], 'audit')
      await keepTypes(NOON + 2_000, ['open'], 'mailtrap')
      expect(await tested.store.archive.lastBatches()).toEqual({
        mailtrap: NOON + 2_000,
        audit: NOON + 1_000,
      })
    })

    it('finds and counts what was tried and waits, however much is before it, with its event', async () => {
      const { store } = tested
      const failing = sampleEvent({ type: 'bounce', recipient: 'ann@example.com' })
      const { events } = await keep(store, [failing], { receivedAt: NOON })
      const [run] = await store.claimRuns(claimOf('counter'))
      const outcome = { kind: 'retry', error: 'busy', delayMs: HOUR_MS } as const
      await store.commit({ pages: [], progress: [progressOf(run!, outcome)], jobs: [] })
      await keep(store, sampleEvents(40))

      const page = await store.archive.listJobs({ handler: 'counter', state: 'retrying' })

      const job = { event: String(events[0]), state: 'pending', attempt: 1, lastError: 'busy' }
      const event = { type: 'bounce', recipient: 'ann@example.com', receivedAt: NOON }
      expect(page).toMatchObject({ rows: [{ ...job, ...event }], cursor: undefined })
      const { jobs, retrying } = await store.archive.stats()
      expect({ jobs, retrying }).toEqual({
        jobs: { counter: { pending: 41, done: 0, dead: 0 } },
        retrying: { counter: 1 },
      })
      expect((await store.archive.listJobs({ state: 'retrying', handler: 'other' })).rows).toEqual(
        [],
      )
    })

    it('counts the jobs of a handler whose name every object has', async () => {
      await keep(tested.store, [sampleEvent({ handlers: ['constructor', 'valueof'] })])
      expect((await tested.store.archive.stats()).jobs).toEqual({
        constructor: { pending: 1, done: 0, dead: 0 },
        valueof: { pending: 1, done: 0, dead: 0 },
      })
    })
  })
}
