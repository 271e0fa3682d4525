import { describe, expect, it } from 'vitest'
import type { Page } from '../../../src/store/store.ts'
import {
  claimOf,
  endAll,
  eventsOf,
  keep,
  partOf,
  progressOf,
  sampleEvent,
  sampleEvents,
} from '../sample-rows.ts'
import { type StoreHarness, storeForEachTest } from '../store-harness.ts'

const DEAD = { kind: 'dead', error: 'x' } as const
const BOTH = ['counter', 'other']

/** What every engine's archive tells of events and jobs. */
export function describeReading(engine: string, harness: StoreHarness): void {
  describe(`the archive of a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const claimRuns = (handler = 'counter') => tested.store.claimRuns(claimOf(handler))

    async function readAll<Row>(list: (query: { cursor?: string }) => Promise<Page<Row>>) {
      const pages: Row[][] = []
      for (let cursor: string | undefined, isFirst = true; isFirst || cursor; isFirst = false) {
        const page = await list(cursor ? { cursor } : {})
        pages.push([...page.rows])
        cursor = page.cursor
        expect(pages.length).toBeLessThan(100)
      }
      return pages.flat()
    }

    it('lists events newest first, page by page, without gaps or repeats', async () => {
      const kept = [
        await keep(tested.store, sampleEvents(4)),
        await keep(tested.store, sampleEvents(4)),
      ]
      kept.push(await keep(tested.store, sampleEvents(4)))
      const rows = await readAll((query) => tested.store.archive.listEvents({ limit: 5, ...query }))
      const expected = kept.flatMap(({ events }) => events).reverse()
      expect(rows.map(({ id }) => Number(id))).toEqual(expected)
    })
    it('finds events by each filter, alone and together', async () => {
      const wanted = sampleEvent({
        type: 'click',
        name: 'email.clicked',
        recipient: 'zoë@example.com',
      })
      const kept = [sampleEvent(), wanted, sampleEvent()]
      const { batch } = await keep(tested.store, kept, { receivedAt: 5_000 })
      await keep(tested.store, [sampleEvent()], { source: 'audit', receivedAt: 9_000 })
      const find = async (query: object) =>
        (await tested.store.archive.listEvents(query)).rows.map(({ eventId }) => eventId)
      const one = [wanted.eventId]
      expect(await find({ type: 'click' })).toEqual(one)
      expect(await find({ recipient: 'zoë@example.com' })).toEqual(one)
      expect(await find({ recipient: 'ZOË@Example.com' })).toEqual(one)
      expect(await find({ messageId: wanted.messageId })).toEqual(one)
      expect(await find({ eventId: wanted.eventId })).toEqual(one)
      expect(await find({ type: 'click', recipient: 'zoë@example.com', state: 'pending' })).toEqual(
        one,
      )
      expect(await find({ type: 'click', state: 'done' })).toEqual([])
      expect(await find({ source: 'audit' })).toHaveLength(1)
      expect(await find({ batch: batch.id })).toEqual(kept.map(({ eventId }) => eventId).reverse())
      expect(await find({ batch: batch.id, type: 'click' })).toEqual(one)
      expect(await find({ batch: `${batch.id}x` })).toEqual([])
      expect(await find({ batch: 'with\0nul' })).toEqual([])
      expect(await find({ from: 9_000 })).toHaveLength(1)
      expect(await find({ to: 9_000 })).toHaveLength(3)
      expect(await find({ from: 5_000, to: 9_001, recipient: 'user1@example.com' })).toHaveLength(3)
    })
    it('finds events by every state that the bits and rows tell', async () => {
      const [a, b, c, d] = sampleEvents(4)
      const { events } = await keep(tested.store, [a!, b!, c!, d!, sampleEvent({ handlers: [] })])
      const [run] = await claimRuns()
      const retry = { kind: 'retry', error: 'busy', delayMs: 60_000 } as const
      const progress = [
        partOf(run!, { done: [events[0]!] }),
        progressOf(run!, DEAD, [events[1]!]),
        progressOf(run!, retry, [events[2]!]),
      ]
      await tested.store.commit({ pages: [], progress, jobs: [] })
      const find = async (state: 'pending' | 'done' | 'dead' | 'unhandled') =>
        (
          await readAll((query) => tested.store.archive.listEvents({ state, limit: 1, ...query }))
        ).map(({ id }) => Number(id))
      expect(await find('done')).toEqual([events[0]])
      expect(await find('dead')).toEqual([events[1]])
      expect(await find('pending')).toEqual([events[3], events[2]])
      expect(await find('unhandled')).toEqual([events[4]])
    })
    it('lists events with dead jobs page by page, each once, whatever lies between', async () => {
      const types = ['open', 'click', 'open', 'open', 'click', 'open', 'open']
      const { events } = await keep(
        tested.store,
        types.map((type) => sampleEvent({ type, handlers: BOTH })),
      )
      const [run] = await claimRuns()
      const failing = progressOf(
        run!,
        DEAD,
        eventsOf(run!).filter((_, n) => n !== 3),
      )
      await tested.store.commit({ pages: [], progress: [failing], jobs: [] })
      await endAll(tested.store, DEAD, 'other')
      const rows = await readAll((query) =>
        tested.store.archive.listEvents({ state: 'dead', type: 'open', limit: 2, ...query }),
      )
      expect(rows.map(({ id }) => Number(id))).toEqual([6, 5, 2, 0].map((n) => events[n]))
    })
    it('finds an event and its conflicts by event id, whatever kind of id it is', async () => {
      const uuid = sampleEvent()
      const plain = sampleEvent({ eventId: 'evt/Übung 7' })
      const changed = [uuid, plain].map((event) => ({ ...event, payload: `${event.payload} ` }))
      await keep(tested.store, [sampleEvent(), uuid, plain, ...changed, sampleEvent()])
      for (const { eventId } of [uuid, plain]) {
        const { rows } = await tested.store.archive.listEvents({ eventId: eventId! })
        expect(rows.map((row) => row.eventId)).toEqual([eventId, eventId])
        expect(rows.map(({ state }) => state)).toEqual(['conflict', 'pending'])
      }
      expect((await tested.store.archive.listEvents({ eventId: 'nobody' })).rows).toEqual([])
    })
    it('finds an event by its id when it has no normalised name', async () => {
      const event = sampleEvent({
        type: 'inbound.message_received',
        name: undefined,
        eventId: '7/8',
      })
      await keep(tested.store, [event])
      const { rows } = await tested.store.archive.listEvents({ eventId: '7/8' })
      expect(rows).toMatchObject([{ type: 'inbound.message_received', name: undefined }])
    })
    it('answers undefined for an event that is not there', async () => {
      const { events } = await keep(tested.store, [sampleEvent()])
      for (const id of ['4711', String(events[0]! + 1), '0', 'x', '1e3', '9'.repeat(30)]) {
        expect(await tested.store.archive.getEvent(id)).toBeUndefined()
      }
    })
    it('tells of each handler of an event, in the order of their names', async () => {
      const { events } = await keep(tested.store, [sampleEvent({ handlers: ['other', 'counter'] })])
      await endAll(tested.store, { kind: 'done' }, 'other')
      await endAll(tested.store, DEAD, 'counter')
      expect((await tested.store.archive.getEvent(String(events[0])))?.jobs).toMatchObject([
        { event: String(events[0]), handler: 'counter', state: 'dead' },
        { event: String(events[0]), handler: 'other', state: 'done' },
      ])
    })
    it('lists jobs by handler and state, page by page, those without a row too', async () => {
      const { events } = await keep(tested.store, [
        sampleEvent({ handlers: BOTH }),
        sampleEvent(),
        sampleEvent({ handlers: [] }),
        sampleEvent({ handlers: BOTH }),
      ])
      const [run] = await claimRuns()
      const progress = [partOf(run!, { done: [events[1]!] }), progressOf(run!, DEAD, [events[3]!])]
      await tested.store.commit({ pages: [], progress, jobs: [] })
      const list = async (query: object) => {
        const rows = await readAll((page) =>
          tested.store.archive.listJobs({ limit: 2, ...query, ...page }),
        )
        return rows.map(
          ({ event, handler, state }) => `${events.indexOf(Number(event))} ${handler} ${state}`,
        )
      }
      const all = [
        ...['3 counter dead', '3 other pending', '1 counter done'],
        ...['0 counter pending', '0 other pending'],
      ]
      expect((await list({})).sort()).toEqual([...all].sort())
      expect((await list({})).map((row) => row.charAt(0))).toEqual(['3', '3', '1', '0', '0'])
      expect(await list({ handler: 'counter' })).toEqual([all[0], all[2], all[3]])
      expect(await list({ handler: 'counter', state: 'dead' })).toEqual([all[0]])
      expect(await list({ handler: 'counter', state: 'done' })).toEqual([all[2]])
      expect(await list({ handler: 'other', state: 'pending' })).toEqual([all[1], all[4]])
      expect(await list({ handler: 'nobody' })).toEqual([])
      expect(await list({ state: 'dead' })).toEqual([all[0]])
      expect((await list({ state: 'pending' })).sort()).toEqual([all[1], all[3], all[4]].sort())
    })
  })
}
