import { describe, expect, it } from 'vitest'
import { pruneBy } from '../../src/store/prune-regularly.ts'
import type { PruneRequest } from '../../src/store/store.ts'
import { readPages } from './copied-store.ts'
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
} from './sample-rows.ts'
import { type StoreHarness, storeForEachTest } from './store-harness.ts'

const FOREVER = Number.MAX_SAFE_INTEGER
const EVERYTHING = { eventsBefore: FOREVER, deadBefore: FOREVER, keysBefore: 0 }
const DONE = { kind: 'done' } as const
const DEAD = { kind: 'dead', error: 'no such column' } as const
const DAY_MS = 86_400_000

/** How every engine forgets by age. */
export function describePruning(engine: string, harness: StoreHarness): void {
  describe(`pruning a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const stats = () => tested.store.archive.stats()
    const events = () =>
      readPages((page) => tested.store.archive.listEvents({ limit: 500, ...page }))
    const payloadOf = async (id = '') => (await tested.store.archive.getEvent(id))?.payload

    const prune = (request: PruneRequest) => pruneAll(tested.store, request)

    it('forgets finished events by age of receipt, and keeps their keys', async () => {
      const event = sampleEvent()
      await keep(tested.store, [event, sampleEvent()], { receivedAt: 1_000 })
      await endAll(tested.store, DONE)
      await keep(tested.store, [sampleEvent({ handlers: [] })], { receivedAt: 3_000 })
      expect(await stats()).toMatchObject({ jobs: { counter: { done: 2 } } })
      await prune({ eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 0 })
      expect(await events()).toHaveLength(1)
      expect(await stats()).toMatchObject({
        events: { total: 1, byType: { open: 1 }, byState: { done: 0, unhandled: 1 } },
      })
      expect((await stats()).jobs['counter']?.done ?? 0).toBe(0)
      expect(await keep(tested.store, [event])).toMatchObject({ stored: 0, duplicates: 1 })
    })

    it('keeps a whole batch while one of its events is pending, in a run or as a job', async () => {
      const kept = await keep(tested.store, sampleEvents(3), { receivedAt: 1_000 })
      const [run] = await tested.store.claimRuns(claimOf('counter'))
      await tested.store.commit({
        pages: [],
        progress: [partOf(run!, { done: [kept.events[0]!] })],
        jobs: [],
      })
      await prune(EVERYTHING)
      expect(await events()).toHaveLength(3)
      const retry = { kind: 'retry', error: 'busy', delayMs: 0 } as const
      const progress = [progressOf(run!, retry, kept.events.slice(1))]
      await tested.store.commit({ pages: [], progress, jobs: [] })
      await prune(EVERYTHING)
      const rows = await events()
      expect(rows).toHaveLength(3)
      for (const { id } of rows) expect(await payloadOf(id)).toContain('"event":"open"')
      const jobs = await tested.store.claimJobs(claimOf('counter'))
      await tested.store.commit({
        pages: [],
        progress: [],
        jobs: jobs.map((job) => endedJob(job, DONE)),
      })
      await prune(EVERYTHING)
      expect(await events()).toEqual([])
      expect(await stats()).toMatchObject({ events: { total: 0 }, backlog: 0 })
      expect((await stats()).jobs['counter']?.done ?? 0).toBe(0)
    })

    it('leaves alone what waits to be unpacked', async () => {
      const taken = { batches: 10, bytes: 2 ** 40, leaseMs: 0 }
      const { batch } = await keep(tested.store, [sampleEvent({ handlers: [] })])
      await tested.store.append([{ ...batch, id: 'another', receivedAt: 1_000 }])
      await prune(EVERYTHING)
      expect((await stats()).batches.waiting).toBe(1)
      expect(await tested.store.takeBatches(taken)).toHaveLength(1)
    })

    it('keeps the dead longer than the done, with their exact text, and able to run again', async () => {
      const payload = '{"event":"open", "note":"Zoë \\u00e9"}'
      const { events: ids } = await keep(
        tested.store,
        [sampleEvent(), sampleEvent({ payload }), sampleEvent()],
        { receivedAt: 1_000 },
      )
      const [run] = await tested.store.claimRuns(claimOf('counter'))
      const [dead, ...others] = [ids[1]!, ids[0]!, ids[2]!]
      const progress = [progressOf(run!, DEAD, [dead]), progressOf(run!, DONE, others)]
      await tested.store.commit({ pages: [], progress, jobs: [] })
      await prune({ eventsBefore: 2_000, deadBefore: 500, keysBefore: 0 })
      expect(await events()).toMatchObject([{ id: `${dead}`, state: 'dead', source: 'mailtrap' }])
      expect(await payloadOf(`${dead}`)).toBe(payload)
      expect(await stats()).toMatchObject({
        events: { total: 1, byState: { dead: 1, done: 0, pending: 0 } },
        jobs: { counter: { dead: 1, done: 0 } },
      })

      expect(await tested.store.replay([{ event: `${dead}`, handler: 'counter' }])).toBe(1)
      await prune(EVERYTHING)
      expect(await events()).toHaveLength(1)
      const [job] = await tested.store.claimJobs(claimOf('counter'))
      expect(Buffer.from(job!.payload).toString()).toBe(payload)
      await tested.store.commit({ pages: [], progress: [], jobs: [endedJob(job!, DEAD)] })
      await prune({ eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 0 })
      expect(await events()).toEqual([])
      expect(await stats()).toMatchObject({ events: { total: 0 }, jobs: {} })
    })

    it('forgets what a dead job kept, once it is not dead any more, with the done', async () => {
      const { events: ids } = await keep(tested.store, [sampleEvent()], { receivedAt: 1_000 })
      await endAll(tested.store, DEAD)
      await prune({ eventsBefore: 2_000, deadBefore: 500, keysBefore: 0 })
      await tested.store.replay([{ event: `${ids[0]}`, handler: 'counter' }])
      await endAll(tested.store, DONE)
      expect(await stats()).toMatchObject({ jobs: { counter: { done: 1 } } })
      await prune({ eventsBefore: 2_000, deadBefore: 500, keysBefore: 0 })
      expect(await events()).toEqual([])
      expect((await stats()).jobs['counter']?.done ?? 0).toBe(0)
    })

    it('forgets dead events before others, if they are kept for less', async () => {
      const kept = await keep(tested.store, sampleEvents(2), { receivedAt: 1_000 })
      const [run] = await tested.store.claimRuns(claimOf('counter'))
      const [dead, done] = kept.events as [number, number]
      const progress = [progressOf(run!, DEAD, [dead]), progressOf(run!, DONE, [done])]
      await tested.store.commit({ pages: [], progress, jobs: [] })
      await prune({ eventsBefore: 500, deadBefore: 2_000, keysBefore: 0 })
      expect(await events()).toMatchObject([{ id: `${done}`, state: 'done' }])
      expect(await stats()).toMatchObject({ jobs: { counter: { dead: 0, done: 1 } } })
    })

    it('keeps quarantine with the dead, with its exact bytes', async () => {
      const content = Buffer.from([0x7b, 0xff, 0x00, 0x22])
      await keep(
        tested.store,
        [sampleEvent({ handlers: [] }), samplePiece({ content, pieces: 2 })],
        {
          receivedAt: 1_000,
        },
      )
      await keep(tested.store, [samplePiece()], { receivedAt: 3_000 })
      expect(await stats()).toMatchObject({ quarantined: 3 })
      await prune({ eventsBefore: 2_000, deadBefore: 500, keysBefore: 0 })
      expect(await events()).toEqual([])
      const { rows } = await tested.store.archive.listQuarantine({})
      expect(rows).toMatchObject([{ receivedAt: 3_000 }, { receivedAt: 1_000, pieces: 2 }])
      const body = await tested.store.archive.quarantineBody(rows[1]?.id ?? '')
      expect(Buffer.from(body ?? [])).toEqual(content)
      await prune({ eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 0 })
      expect((await tested.store.archive.listQuarantine({})).rows).toHaveLength(1)
      expect(await stats()).toMatchObject({ quarantined: 1 })
    })

    it('never gives the numbers of what is forgotten to anything else', async () => {
      const { events: before } = await keep(tested.store, [samplePiece(), sampleEvent()], {
        receivedAt: 1_000,
      })
      const piece = async () => Number((await tested.store.archive.listQuarantine({})).rows[0]?.id)
      const first = await piece()
      await endAll(tested.store, DONE)
      await prune(EVERYTHING)
      expect(await events()).toEqual([])
      await tested.restart()
      const { events: after } = await keep(tested.store, [samplePiece(), sampleEvent()])
      expect(after[0]).toBeGreaterThan(before[0] ?? 0)
      expect(await piece()).toBeGreaterThan(first)
    })

    it('counts one event done by two handlers, and replayed, once each', async () => {
      const handlers = ['counter', 'other']
      const kept = await keep(tested.store, sampleEvents(4, { handlers }), { receivedAt: 1_000 })
      await endAll(tested.store, DONE)
      await endAll(tested.store, DONE, 'other')
      const names = kept.events
        .slice(0, 3)
        .map((event) => ({ event: `${event}`, handler: 'other' }))
      expect(await tested.store.replay(names)).toBe(3)
      await endAll(tested.store, DONE, 'other')
      await keep(tested.store, sampleEvents(2, { handlers }))
      await endAll(tested.store, DONE)
      await endAll(tested.store, DONE, 'other')
      await prune({ eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 0 })
      expect(await stats()).toMatchObject({
        events: { total: 2, byState: { done: 2 } },
        jobs: { counter: { done: 2 }, other: { done: 2 } },
      })
    })

    it('passes by batches dated in the future, and forgets those behind them', async () => {
      const now = Date.now()
      const none = { handlers: [] }
      await keep(tested.store, sampleEvents(2, none), { receivedAt: now + 700 * DAY_MS })
      await keep(tested.store, sampleEvents(3, none), { receivedAt: now - 40 * DAY_MS })
      const before = now - 30 * DAY_MS
      await prune({ eventsBefore: before, deadBefore: before, keysBefore: 0 })
      expect(await events()).toHaveLength(2)
    })

    it('takes a batch dated in 1970 for as young as the next one', async () => {
      const now = Date.now()
      const none = { handlers: [] }
      const limits = (days: number) => {
        const before = now - days * DAY_MS
        return { eventsBefore: before, deadBefore: before, keysBefore: before }
      }
      const lost = sampleEvent(none)
      await keep(tested.store, [lost], { receivedAt: 90_000 })
      await prune(limits(30))
      expect(await events()).toHaveLength(1)
      await keep(tested.store, sampleEvents(1, none), { receivedAt: now - 40 * DAY_MS })
      await prune(limits(50))
      expect(await events()).toHaveLength(2)
      expect(await keep(tested.store, [lost])).toMatchObject({ stored: 0, duplicates: 1 })
      await prune(limits(30))
      expect(await events()).toHaveLength(0)
    })

    it('loses nothing to a start with the clock two years ahead, and runs nothing twice', async () => {
      const retention = { retainEventsMs: 30, retainDeadMs: 90, retainKeysMs: 400 }
      for (const name of ['retainEventsMs', 'retainDeadMs', 'retainKeysMs'] as const) {
        retention[name] *= DAY_MS
      }
      const store = {
        prune: async (request: PruneRequest) => tested.store.prune(request),
        readTime: async () => tested.store.readTime(),
      }
      const sent = sampleEvents(1_000, { occurredAt: Date.now() - DAY_MS })
      await keep(tested.store, sent)
      await endAll(tested.store, DONE)
      expect(await pruneBy(store, { retention, clock: Date.now() })).toBe(0)
      await tested.restart()
      const ahead = Date.now() + 730 * DAY_MS
      expect(await pruneBy(store, { retention, clock: ahead })).toMatchObject({
        reason: expect.stringMatching(/^(far_ahead|differs_from_database)$/),
      })
      await tested.restart()
      expect(await pruneBy(store, { retention, clock: Date.now() })).toBe(0)
      expect(await keep(tested.store, sent)).toMatchObject({
        stored: 0,
        duplicates: 1_000,
        stale: 0,
      })
      expect(await tested.store.claimRuns(claimOf('counter'))).toEqual([])
    })

    it('remembers by which clock it has forgotten last', async () => {
      expect(await tested.store.readTime()).toMatchObject({ seenAt: undefined })
      await keep(tested.store, [sampleEvent()], { receivedAt: Date.UTC(2026, 0, 17) })
      expect(await tested.store.readTime()).toMatchObject({ seenAt: Date.UTC(2026, 0, 17) })
      await prune({ ...EVERYTHING, clock: Date.UTC(2026, 5, 1) })
      await tested.restart()
      expect(await tested.store.readTime()).toMatchObject({ seenAt: Date.UTC(2026, 5, 1) })
      await prune({ ...EVERYTHING, clock: Date.UTC(2026, 4, 1) })
      expect(await tested.store.readTime()).toMatchObject({ seenAt: Date.UTC(2026, 4, 1) })
    })

    it('works through more rows than one step takes', async () => {
      for (let batch = 0; batch < 30; batch++) {
        await keep(tested.store, sampleEvents(10, { handlers: [] }), { receivedAt: 1_000 })
      }
      await keep(tested.store, sampleEvents(5_400, { handlers: [] }), { receivedAt: 1_000 })
      expect(await prune({ ...EVERYTHING, keysBefore: FOREVER })).toBeGreaterThanOrEqual(5_700)
      expect(await stats()).toMatchObject({ events: { total: 0, byType: {} } })
    })
  })
}
