import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { sampleBatch, sampleEvent, sampleUnreadable, wholeChunk } from './sample-rows.ts'
import type { StoreHarness } from './store.contract.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** A whole hour. */
const NOON = Date.UTC(2026, 10, 21, 12)

/** What the dashboard needs of every engine. */
export function describeDashboardStore(engine: string, harness: StoreHarness): void {
  describe(`the dashboard's view of a store on ${engine}`, () => {
    let store: Store
    beforeEach(async () => {
      store = await harness.open()
    })
    afterEach(() => harness.dispose(store))

    async function keep(receivedAt: number, types: readonly string[], source = 'mailtrap') {
      const batch = sampleBatch({ receivedAt, source })
      await store.append(batch)
      const events = types.map((type) => sampleEvent({ type }))
      await store.commitChunk(wholeChunk(batch.id, { events }))
    }
    const claim = (handler = 'counter') => store.claim({ handler, limit: 10, leaseMs: 60_000 })
    const register = (...names: string[]) =>
      store.saveHandlers(
        names.map((name) => ({ name, module: `/h/${name}.ts`, keys: ['*'], takesBatches: false })),
      )

    describe('events by time', () => {
      it('are counted by type, in minutes and in hours, by their receipt', async () => {
        await keep(NOON + 30_000, ['open', 'open', 'bounce'])
        await keep(NOON + 59_999, ['open'])
        await keep(NOON + 2 * MINUTE_MS, ['bounce'])
        await keep(NOON + HOUR_MS, ['click'])
        await keep(NOON - 1, ['click'])

        const minutes = { from: NOON, to: NOON + HOUR_MS, bucketMs: MINUTE_MS }
        expect(await store.countEvents(minutes)).toEqual([
          { bucket: 0, type: 'bounce', n: 1 },
          { bucket: 0, type: 'open', n: 3 },
          { bucket: 2, type: 'bounce', n: 1 },
        ])
        const hours = { from: NOON - 2 * HOUR_MS, to: NOON + 2 * HOUR_MS, bucketMs: 2 * HOUR_MS }
        expect(await store.countEvents(hours)).toEqual([
          { bucket: 0, type: 'click', n: 1 },
          { bucket: 1, type: 'bounce', n: 2 },
          { bucket: 1, type: 'click', n: 1 },
          { bucket: 1, type: 'open', n: 3 },
        ])
      })
      it('leave out what was sent twice', async () => {
        const events = [sampleEvent()]
        for (const batch of [
          sampleBatch({ receivedAt: NOON }),
          sampleBatch({ receivedAt: NOON }),
        ]) {
          await store.append(batch)
          await store.commitChunk(wholeChunk(batch.id, { events }))
        }
        const points = await store.countEvents({
          from: NOON,
          to: NOON + MINUTE_MS,
          bucketMs: MINUTE_MS,
        })
        expect(points).toEqual([{ bucket: 0, type: 'open', n: 1 }])
      })
      it('stay after a restart, minutes for two days and hours as long as events', async () => {
        await keep(NOON - 3 * 24 * HOUR_MS, ['open'])
        await keep(NOON, ['open'])
        store = await harness.reopen(store)
        const all = { from: NOON - 96 * HOUR_MS, to: NOON + HOUR_MS }
        const request = { deadBefore: 0, keysBefore: 0 }

        await store.prune({ ...request, eventsBefore: NOON - 96 * HOUR_MS })
        expect(await store.countEvents({ ...all, bucketMs: HOUR_MS })).toHaveLength(2)
        await store.prune({ ...request, eventsBefore: NOON - 24 * HOUR_MS })
        expect(await store.countEvents({ ...all, bucketMs: HOUR_MS })).toHaveLength(1)
        expect(await store.countEvents({ ...all, bucketMs: MINUTE_MS })).toHaveLength(1)
      })
    })

    it('knows when each source sent its newest batch', async () => {
      await keep(NOON, ['open'], 'mailtrap')
      await keep(NOON + 1_000, [], 'audit')
      await keep(NOON + 2_000, ['open'], 'mailtrap')
      expect(await store.lastBatches()).toEqual({ mailtrap: NOON + 2_000, audit: NOON + 1_000 })
    })

    describe('a paused handler', () => {
      it('is given no job, before and after a restart, until it is resumed', async () => {
        await register('counter', 'other')
        await keep(NOON, ['open'])
        expect(await store.setPaused('counter', true)).toBe(true)
        expect(await claim()).toEqual([])

        store = await harness.reopen(store)
        expect(await claim()).toEqual([])
        expect(Object.keys(await store.pausedHandlers())).toEqual(['counter'])

        const hints: string[] = []
        store.onHint((hint) => hints.push(hint))
        expect(await store.setPaused('counter', false)).toBe(true)
        await expect.poll(() => hints).toContain('jobs')
        expect(await claim()).toMatchObject([{ handler: 'counter', attempt: 1 }])
        expect(await store.pausedHandlers()).toEqual({})
      })
      it('does not hold up another, and keeps the outcomes of what was under way', async () => {
        await register('counter', 'other')
        const batch = sampleBatch()
        await store.append(batch)
        const events = [sampleEvent({ handlers: ['counter', 'other'] })]
        await store.commitChunk(wholeChunk(batch.id, { events }))
        const [running] = await claim()
        await store.setPaused('counter', true)

        expect(await claim('other')).toHaveLength(1)
        const { event, handler, attempt, fence } = running!
        const settled = {
          event,
          handler,
          attempt,
          fence,
          durationMs: 1,
          outcome: { kind: 'done' } as const,
        }
        expect(await store.settle([settled])).toBe(0)
      })
      it('stays paused since the first time, and when it registers again', async () => {
        await register('counter')
        await store.setPaused('counter', true)
        const before = await store.pausedHandlers()
        await store.setPaused('counter', true)
        await register('counter')
        expect(await store.pausedHandlers()).toEqual(before)
      })
      it('must be one that was seen here', async () => {
        expect(await store.setPaused('nobody', true)).toBe(false)
        expect(await store.pausedHandlers()).toEqual({})
      })
    })

    it('counts the jobs of a handler whose name every object has', async () => {
      const batch = sampleBatch()
      await store.append(batch)
      const handlers = ['constructor', 'valueof']
      await store.commitChunk(wholeChunk(batch.id, { events: [sampleEvent({ handlers })] }))
      expect((await store.stats()).jobs).toEqual({
        constructor: { pending: 1, done: 0, dead: 0 },
        valueof: { pending: 1, done: 0, dead: 0 },
      })
    })

    describe('an unreadable piece that is read again', () => {
      async function quarantine(bytes: Uint8Array) {
        const batch = sampleBatch({ receivedAt: NOON, source: 'audit' })
        await store.append(batch)
        const unreadable = [sampleUnreadable({ bytes, pieces: 2, position: 7 })]
        await store.commitChunk(wholeChunk(batch.id, { unreadable }))
        const { rows } = await store.listQuarantine({})
        return rows[0]!.id
      }

      it('leaves quarantine, and waits in the journal with its very bytes', async () => {
        const id = await quarantine(Buffer.from([0, 255, 123, 10]))
        const batch = randomUUID()
        expect(await store.requeue(id, batch)).toBe(true)

        expect((await store.listQuarantine({})).rows).toEqual([])
        expect((await store.stats()).quarantined).toBe(0)
        const taken = await store.takeBatch(60_000)
        expect({ ...taken, body: Buffer.from(taken?.body ?? []) }).toEqual({
          ...sampleBatch({ body: Buffer.from([0, 255, 123, 10]) }),
          id: batch,
          source: 'audit',
          receivedAt: NOON,
          contentType: undefined,
          unpackedPieces: 0,
        })
      })
      it('never leaves its number to another', async () => {
        const id = await quarantine(Buffer.from('{'))
        await store.requeue(id, randomUUID())
        store = await harness.reopen(store)
        expect(await quarantine(Buffer.from('['))).not.toBe(id)
      })
      it('is put back once only', async () => {
        const id = await quarantine(Buffer.from('{'))
        const done = await Promise.all([
          store.requeue(id, randomUUID()),
          store.requeue(id, randomUUID()),
        ])
        expect(done.filter(Boolean)).toHaveLength(1)
        expect((await store.stats()).batches.waiting).toBe(1)
        expect(await store.requeue('12345', randomUUID())).toBe(false)
      })
    })
  })
}
