import { describe, expect, it } from 'vitest'
import type { PruneRequest } from '../../../src/store/store.ts'
import {
  appendAndTake,
  claimOf,
  conflictKey,
  endAll,
  keep,
  pageOf,
  progressOf,
  pruneAll,
  type SampleEvent,
  sampleBatch,
  sampleEvent,
  sampleEvents,
  sampleKey,
} from '../sample-rows.ts'
import { type StoreHarness, storeForEachTest } from '../store-harness.ts'

const DONE = { kind: 'done' } as const

/** How every engine knows again what it was sent before. */
export function describeDeduplication(engine: string, harness: StoreHarness): void {
  describe(`deduplication by a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const known = async (...keys: Uint8Array[]) => tested.store.findKnown(Buffer.concat(keys))
    /** The bytes that are stored under the key. */
    async function stored(key: Uint8Array): Promise<string | undefined> {
      const payload = (await known(key)).known.get(0)?.payload
      return payload && Buffer.from(payload).toString()
    }
    const prune = (request: PruneRequest) => pruneAll(tested.store, request)
    const withContent = (event: SampleEvent, content: string): SampleEvent => ({
      ...event,
      type: 'bounce',
      payload: `{"event":"bounce","event_id":${JSON.stringify(event.eventId)},"n":"${content}"}`,
    })

    it('knows none of the keys at the beginning', async () => {
      const answer = await known(...sampleEvents(3).map(({ key }) => key))
      expect(answer).toEqual({ known: new Map(), prunedThrough: 0 })
    })
    it('tells of each known key which event has it, by the index of the key', async () => {
      const events = sampleEvents(5)
      const kept = await keep(tested.store, events)
      const later = await keep(tested.store, sampleEvents(1))
      const [a, b, c, d, e] = events.map(({ key }) => key)
      const asked = [sampleKey('nobody'), d!, a!, sampleKey('nobody else'), e!, c!, b!]
      const answer = await known(...asked)
      const numbers = [...answer.known].map(([index, { event }]) => [index, event])
      const [n0, n1, n2, n3, n4] = kept.events
      expect(numbers.sort()).toEqual([
        [1, n3],
        [2, n0],
        [4, n4],
        [5, n2],
        [6, n1],
      ])
      expect(later.events[0]).toBeGreaterThan(n4!)
    })
    it('gives the stored bytes of a known key', async () => {
      const events = [
        sampleEvent({ payload: '{"event":"open","é":"\\u0000"}' }),
        ...sampleEvents(2),
      ]
      await keep(tested.store, events)
      for (const { key, payload } of events) expect(await stored(key)).toBe(payload)
      await tested.restart()
      for (const { key, payload } of events) expect(await stored(key)).toBe(payload)
    })
    it('gives the bytes that a dead job carries when the body is gone', async () => {
      const event = sampleEvent()
      await keep(tested.store, [event, sampleEvent({ handlers: [] })], { receivedAt: 1_000 })
      await endAll(tested.store, { kind: 'dead', error: 'x' })
      await prune({ eventsBefore: 2_000, deadBefore: 500, keysBefore: 0 })
      expect((await tested.store.archive.listEvents({})).rows).toHaveLength(1)
      expect(await stored(event.key)).toBe(event.payload)
    })
    it('knows a key whose event is gone, without its bytes', async () => {
      const event = sampleEvent()
      const { events } = await keep(tested.store, [event], { receivedAt: 1_000 })
      await endAll(tested.store, DONE)
      await prune({ eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 0 })
      expect((await tested.store.archive.listEvents({})).rows).toEqual([])
      const { known: found } = await known(event.key)
      expect(found.get(0)).toEqual({ event: events[0], payload: undefined })
      expect(await keep(tested.store, [event])).toMatchObject({ stored: 0, duplicates: 1 })
    })
    it('stores an event once, however often and in whatever batch it comes', async () => {
      const event = sampleEvent()
      expect(await keep(tested.store, [event, event])).toMatchObject({ stored: 1, duplicates: 1 })
      expect(await keep(tested.store, [event])).toMatchObject({ stored: 0, duplicates: 1 })
      const runs = await tested.store.claimRuns(claimOf('counter'))
      expect(runs.map(({ events }) => events.length)).toEqual([1])
      expect(await tested.store.archive.stats()).toMatchObject({
        duplicates: 2,
        events: { total: 1 },
      })
    })
    it('remembers every key over a restart, of many batches and pages', async () => {
      const batches = [sampleEvents(900), sampleEvents(1), sampleEvents(300)]
      for (const events of batches) await keep(tested.store, events)
      await tested.restart()
      for (const events of batches) {
        expect(await keep(tested.store, events)).toMatchObject({
          stored: 0,
          duplicates: events.length,
        })
      }
      expect(await keep(tested.store, sampleEvents(50))).toMatchObject({
        stored: 50,
        duplicates: 0,
      })
    })
    it('keeps the same id with other content as a conflict, once, without a run', async () => {
      const event = sampleEvent()
      const other = withContent(event, 'other')
      const first = await keep(tested.store, [event, other])
      expect(first).toMatchObject({ stored: 1, conflicts: 1 })
      expect(await keep(tested.store, [other])).toMatchObject({ conflicts: 0, duplicates: 1 })
      expect(await keep(tested.store, [withContent(event, 'third')])).toMatchObject({
        conflicts: 1,
      })
      const runs = await tested.store.claimRuns(claimOf('counter'))
      expect(runs.flatMap(({ events }) => events.map((one) => one.event))).toEqual([
        first.events[0],
      ])
      const { rows } = await tested.store.archive.listEvents({ state: 'conflict' })
      expect(rows).toMatchObject([
        { type: 'bounce', state: 'conflict', eventId: event.eventId },
        { type: 'bounce', state: 'conflict', eventId: event.eventId },
      ])
      const content = Buffer.from(other.payload)
      expect(await stored(conflictKey(event.key, content))).toBe(other.payload)
      expect(await stored(event.key)).toBe(event.payload)
    })
    it('tells ids apart that differ in one code unit, whatever it is', async () => {
      const long = 'x'.repeat(2_000)
      const ids = ['a\0', 'a\ufffd', 'a\ud800', 'a\udc00', 'a', `${long}1`, `${long}2`, 'A', 'a ']
      const events = ids.map((eventId) => sampleEvent({ eventId }))
      expect(await keep(tested.store, events)).toMatchObject({ stored: ids.length, duplicates: 0 })
      await tested.restart()
      expect(await keep(tested.store, events)).toMatchObject({ stored: 0, duplicates: ids.length })
      expect(await tested.store.archive.stats()).toMatchObject({ events: { total: ids.length } })
    })
    it('tells keys apart that differ in one bit', async () => {
      const key = Buffer.from(sampleKey('one'))
      const near = Array.from({ length: 16 }, (_, byte) => {
        const other = Buffer.from(key)
        other[byte] = other[byte]! ^ (1 << (byte % 8))
        return other
      })
      await keep(tested.store, [sampleEvent({ eventId: 'one', key })])
      expect((await known(...near)).known.size).toBe(0)
      await keep(
        tested.store,
        near.map((own, n) => sampleEvent({ eventId: `near ${n}`, key: own })),
      )
      await tested.restart()
      expect((await known(key, ...near)).known.size).toBe(17)
    })
    it('calls nothing stale before it has pruned keys', async () => {
      expect(await keep(tested.store, [sampleEvent({ occurredAt: 1 })])).toMatchObject({ stale: 0 })
    })
    it('keeps an event from a time whose keys were pruned as stale, without a run', async () => {
      const hour = 3_600_000
      await keep(tested.store, sampleEvents(1, { occurredAt: hour }), { receivedAt: 100 * hour })
      await endAll(tested.store, DONE)
      const before = 200 * hour
      await prune({ eventsBefore: before, deadBefore: before, keysBefore: before })
      await tested.restart()
      const { prunedThrough } = await known(sampleKey('x'))
      expect(prunedThrough).toBeGreaterThanOrEqual(100 * hour)
      expect(prunedThrough).toBeLessThan(before)
      const late = sampleEvent({ occurredAt: prunedThrough - 1 })
      const fresh = sampleEvent({ occurredAt: prunedThrough })
      expect(await keep(tested.store, [late, fresh])).toMatchObject({ stored: 2, stale: 1 })
      const { rows } = await tested.store.archive.listEvents({ state: 'stale' })
      expect(rows).toMatchObject([{ eventId: late.eventId }])
      const runs = await tested.store.claimRuns(claimOf('counter'))
      expect(runs.map(({ events }) => events.length)).toEqual([1])
    })
    it.each([0, 2 * 3_600_000])(
      'knows the keys of a batch that is unpacked after a later one and pruning keys before %d',
      async (keysBefore) => {
        const [older, newer] = [sampleEvents(2), sampleEvents(2)]
        const receivedAt = 5 * 3_600_000
        const first = await appendAndTake(tested.store, sampleBatch(older, { receivedAt }))
        await keep(tested.store, newer, { receivedAt: 1_000 })
        await prune({ eventsBefore: 0, deadBefore: 0, keysBefore })
        const page = pageOf(first, older)
        await tested.store.commit({ pages: [page], progress: [], jobs: [] })
        expect((await known(...older.map(({ key }) => key))).known.size).toBe(2)
        await tested.restart()
        expect((await known(...older.map(({ key }) => key))).known.size).toBe(2)
      },
    )
    it('keeps knowing what it has to, however much is pruned beside it', async () => {
      const event = sampleEvent()
      await keep(tested.store, [event], { receivedAt: 4_000_000_000_000 })
      const [run] = await tested.store.claimRuns(claimOf('counter'))
      await tested.store.commit({ pages: [], progress: [progressOf(run!, DONE)], jobs: [] })
      await keep(tested.store, sampleEvents(3, { handlers: [] }), { receivedAt: 1_000 })
      await prune({ eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 2_000 })
      expect(await keep(tested.store, [event])).toMatchObject({ stored: 0, duplicates: 1 })
    })
  })
}
