import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EventQuery, JobQuery, Store } from '../../src/store/store.ts'
import { sampleBatch, sampleEvent, wholeChunk } from './sample-rows.ts'
import type { StoreHarness } from './store.contract.ts'

const EVENTS = 1_200

/** How every engine searches more events than one look takes; each engine's own test file runs it. */
export function describeSearch(engine: string, harness: StoreHarness): void {
  describe(`a search in a store on ${engine}`, () => {
    let store: Store
    beforeEach(async () => {
      store = await harness.open()
      for (let batch = 0; batch < 3; batch++) await fill(batch)
    })
    afterEach(() => harness.dispose(store))

    /** Every fifth event is a bounce of Ann, every 100th is one that no handler wants. */
    async function fill(round: number) {
      const batch = sampleBatch()
      await store.append({ ...batch, body: Buffer.from(batch.body) })
      const events = Array.from({ length: EVENTS / 3 }, (_, index) => {
        const n = (round * EVENTS) / 3 + index
        const isBounce = n % 5 === 0
        return sampleEvent({
          position: index,
          messageId: `m${n}`,
          type: isBounce ? 'bounce' : 'open',
          recipient: isBounce ? 'ann@example.com' : `user${n}@example.com`,
          handlers: n % 100 === 0 ? [] : n % 2 === 0 ? ['counter', 'other'] : ['counter'],
        })
      })
      await store.commitChunk(wholeChunk(batch.id, { events, toPiece: events.length }))
    }

    async function readAll<Row>(
      list: (
        cursor: string | undefined,
      ) => Promise<{ rows: readonly Row[]; cursor: string | undefined }>,
    ) {
      const rows: Row[] = []
      for (let cursor: string | undefined, isFirst = true; isFirst || cursor; isFirst = false) {
        const page = await list(cursor)
        rows.push(...page.rows)
        cursor = page.cursor
      }
      return rows
    }
    const findEvents = async (query: EventQuery) =>
      (
        await readAll((cursor) => store.listEvents({ ...query, ...(cursor ? { cursor } : {}) }))
      ).map(({ messageId }) => Number(messageId?.slice(1)))
    const findJobs = (query: JobQuery) =>
      readAll((cursor) => store.listJobs({ ...query, ...(cursor ? { cursor } : {}) }))
    const numbers = (isWanted: (n: number) => boolean) =>
      Array.from({ length: EVENTS }, (_, n) => EVENTS - 1 - n).filter(isWanted)

    /** The oldest ones of the handler that wants nearly all. */
    async function killJobs(count: number) {
      const jobs = await store.claim({ handler: 'counter', limit: count, leaseMs: 60_000 })
      const outcome = { kind: 'dead', error: 'no' } as const
      await store.settle(
        jobs.map(({ event, handler, attempt, fence }) => {
          return { event, handler, attempt, fence, durationMs: 1, outcome }
        }),
      )
    }

    it('finds the dead when they are more than one look takes', async () => {
      await killJobs(EVENTS)
      expect(await findEvents({ state: 'dead', limit: 37 })).toEqual(numbers((n) => n % 2 === 1))
      const bounces = numbers((n) => n % 10 === 5)
      expect(await findEvents({ state: 'dead', type: 'bounce', limit: 500 })).toEqual(bounces)
    })

    it('finds every match once, newest first, whatever leads to it', async () => {
      const bounces = numbers((n) => n % 5 === 0)
      expect(await findEvents({ type: 'bounce', limit: 37 })).toEqual(bounces)
      expect(await findEvents({ recipient: 'ann@example.com', limit: 37 })).toEqual(bounces)
      expect(await findEvents({ state: 'unhandled', limit: 5 })).toEqual(
        numbers((n) => n % 100 === 0),
      )
      expect(await findEvents({ messageId: 'm7' })).toEqual([7])
      expect(await findEvents({ type: 'none' })).toEqual([])
      await killJobs(30)
      const dead = await findJobs({ state: 'dead', limit: 7 })
      expect(new Set(dead.map(({ event }) => event)).size).toBe(30)
      // An event with another job that is pending is pending.
      const alone = numbers((n) => n % 2 === 1).length
      expect((await findEvents({ state: 'dead', limit: 4 })).length).toBeLessThan(
        Math.min(31, alone),
      )
      expect(await findJobs({ handler: 'other', limit: 50 })).toHaveLength(600 - 12)
      expect(await findJobs({ handler: 'other', state: 'dead' })).toEqual([])
    })
  })
}
