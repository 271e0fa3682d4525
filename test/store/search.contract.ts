import { beforeEach, describe, expect, it } from 'vitest'
import type { EventQuery, JobQuery, Page } from '../../src/store/store.ts'
import {
  claimOf,
  endAll,
  endedJob,
  eventsOf,
  keep,
  partOf,
  progressOf,
  sampleEvent,
} from './sample-rows.ts'
import { type StoreHarness, storeForEachTest } from './store-harness.ts'

const EVENTS = 1_200
const DEAD = { kind: 'dead', error: 'no' } as const

/** How every engine searches more events than one look takes; each engine's own test file runs it. */
export function describeSearch(engine: string, harness: StoreHarness): void {
  describe(`a search in a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    beforeEach(async () => {
      for (let round = 0; round < 3; round++) await fill(round)
    })

    /** Every fifth event is a bounce of Ann, every 100th is one that no handler wants. */
    async function fill(round: number) {
      const events = Array.from({ length: EVENTS / 3 }, (_, index) => {
        const n = (round * EVENTS) / 3 + index
        const isBounce = n % 5 === 0
        return sampleEvent({
          messageId: `m${n}`,
          type: isBounce ? 'bounce' : 'open',
          recipient: isBounce ? 'ann@example.com' : `user${n}@example.com`,
          handlers: n % 100 === 0 ? [] : n % 2 === 0 ? ['counter', 'other'] : ['counter'],
        })
      })
      await keep(tested.store, events)
    }

    async function readAll<Row>(list: (query: { cursor?: string }) => Promise<Page<Row>>) {
      const rows: Row[] = []
      for (let cursor: string | undefined, isFirst = true; isFirst || cursor; isFirst = false) {
        const page = await list(cursor ? { cursor } : {})
        rows.push(...page.rows)
        cursor = page.cursor
      }
      return rows
    }
    const findEvents = async (query: EventQuery) =>
      (await readAll((page) => tested.store.archive.listEvents({ ...query, ...page }))).map(
        ({ messageId }) => Number(messageId?.slice(1)),
      )
    const findJobs = (query: JobQuery) =>
      readAll((page) => tested.store.archive.listJobs({ ...query, ...page }))
    const numbers = (isWanted: (n: number) => boolean) =>
      Array.from({ length: EVENTS }, (_, n) => EVENTS - 1 - n).filter(isWanted)

    /** Ends so many events of each run of the handler that wants nearly all: the oldest ones. */
    async function killJobs(count: number) {
      const runs = await tested.store.claimRuns(claimOf('counter'))
      const progress = runs.map((run) => progressOf(run, DEAD, eventsOf(run).slice(0, count)))
      await tested.store.commit({ pages: [], progress, jobs: [] })
    }

    it('finds the dead when they are more than one look takes', async () => {
      await endAll(tested.store, DEAD)
      expect(await findEvents({ state: 'dead', limit: 37 })).toEqual(numbers((n) => n % 2 === 1))
      const bounces = numbers((n) => n % 10 === 5)
      expect(await findEvents({ state: 'dead', type: 'bounce', limit: 500 })).toEqual(bounces)
      expect(await findEvents({ state: 'done' })).toEqual([])
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
      await killJobs(10)
      const dead = await findJobs({ state: 'dead', limit: 7 })
      expect(new Set(dead.map(({ event }) => event)).size).toBe(30)
      // An event with another job that is pending is pending.
      const alone = numbers((n) => n % 400 <= 10 && n % 2 === 1)
      expect(await findEvents({ state: 'dead', limit: 4 })).toEqual(alone)
      expect(await findJobs({ handler: 'other', limit: 50 })).toHaveLength(600 - 12)
      expect(await findJobs({ handler: 'other', state: 'dead' })).toEqual([])
    })

    it('finds the pending and the done, in runs and in rows of their own', async () => {
      const [run] = await tested.store.claimRuns(claimOf('counter', 1))
      const [first, second, ...others] = eventsOf(run!)
      const retry = { kind: 'retry', error: 'busy', delayMs: 0 } as const
      const progress = [
        partOf(run!, { done: others, isGivenBack: true }),
        progressOf(run!, retry, [first!, second!]),
      ]
      await tested.store.commit({ pages: [], progress, jobs: [] })
      await endAll(tested.store, { kind: 'done' }, 'other')
      const jobs = await tested.store.claimJobs(claimOf('counter'))
      const ended = jobs.slice(0, 1).map((job) => endedJob(job, { kind: 'done' }))
      await tested.store.commit({ pages: [], progress: [], jobs: ended })

      // Of the oldest batch, whose first event nobody wants, all but one are done.
      const left = numbers((n) => n === 1 || n === 2).filter(
        (n) => `${n}` !== doneOf(ended[0]!.event),
      )
      expect(await findEvents({ state: 'pending', limit: 300 })).toEqual([
        ...numbers((n) => n >= 400 && n % 100 !== 0),
        ...left,
      ])
      expect(await findEvents({ state: 'done', limit: 37 })).toEqual(
        numbers((n) => n < 400 && n % 100 !== 0 && !left.includes(n)),
      )
      expect(await findJobs({ handler: 'counter', state: 'done', limit: 100 })).toHaveLength(395)
    })

    /** A message is called after its event's place among all. */
    const doneOf = (event: number): string => String(event % 2 ** 20)
  })
}
