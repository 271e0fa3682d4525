import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { UnpackedPage } from '../../src/store/store.ts'
import { describeDashboardStore } from './dashboard.contract.ts'
import { describeErasing } from './erase.contract.ts'
import { findTestServer } from './postgres/test-server.ts'
import { createPostgresHarness, openPostgresStore, type PostgresStore } from './postgres-harness.ts'
import { describePruning } from './prune.contract.ts'
import {
  appendAndTake,
  claimOf,
  decide,
  eventsOf,
  keep,
  pageOf,
  progressOf,
  sampleBatch,
  sampleEvent,
  sampleEvents,
} from './sample-rows.ts'
import { describeSearch } from './search.contract.ts'
import { describeStore } from './store.contract.ts'

const server = await findTestServer()

describe.skipIf(!server)('with a PostgreSQL server', () => {
  const harness = createPostgresHarness(server!)
  describeStore('PostgreSQL', harness)
  describePruning('PostgreSQL', harness)
  describeErasing('PostgreSQL', harness)
  describeSearch('PostgreSQL', harness)
  describeDashboardStore('PostgreSQL', harness)

  describe('two stores on one database', () => {
    let one: PostgresStore
    let other: PostgresStore
    beforeEach(async () => {
      one = (await harness.open()) as PostgresStore
      other = await openPostgresStore(one.url)
    })
    afterEach(async () => {
      await other.close()
      await harness.dispose(one)
    })
    const commit = async (store: PostgresStore, ...pages: UnpackedPage[]) =>
      (await store.commit({ pages, progress: [], jobs: [] })).pages.map(({ kind }) => kind)
    const total = async () => (await one.archive.stats()).events.total

    it('say of a page of which a key became known meanwhile that it raced, and store nothing of it', async () => {
      const event = sampleEvent()
      const parts = [[event], [sampleEvent(), event]]
      const batches = [sampleBatch(parts[0]), sampleBatch(parts[1])]
      const first = pageOf(await appendAndTake(one, batches[0]!), parts[0]!)
      const second = pageOf(await appendAndTake(other, batches[1]!), parts[1]!)
      expect(await commit(one, first)).toEqual(['stored'])
      expect(await commit(other, second)).toEqual(['raced'])
      expect(await total()).toBe(1)
      const decided = await decide(other, second, parts[1]!)
      expect(decided).toMatchObject({ duplicates: 1, events: [{ position: 0 }] })
      expect(await commit(other, decided)).toEqual(['stored'])
      expect(await total()).toBe(2)
    })
    it('store one of two pages with the same key that are told at once', async () => {
      const event = sampleEvent()
      const pages: UnpackedPage[] = []
      for (const store of [one, other]) {
        pages.push(pageOf(await appendAndTake(store, sampleBatch([event])), [event]))
      }
      const kinds = await Promise.all([commit(one, pages[0]!), commit(other, pages[1]!)])
      expect(kinds.flat().sort()).toEqual(['raced', 'stored'])
      expect(await total()).toBe(1)
    })
    it('store the pages of a commit beside one that raced', async () => {
      const [known, ...fresh] = sampleEvents(3)
      await keep(other, [known!])
      const pages: UnpackedPage[] = []
      for (const event of [fresh[0]!, known!, fresh[1]!]) {
        pages.push(pageOf(await appendAndTake(one, sampleBatch([event])), [event]))
      }
      expect(await commit(one, ...pages)).toEqual(['stored', 'raced', 'stored'])
      expect(await total()).toBe(3)
    })
    it('unpack each piece once, whoever is told to', async () => {
      const event = sampleEvent()
      const page = pageOf(await appendAndTake(one, sampleBatch([event])), [event])
      const kinds = await Promise.all([commit(one, page), commit(other, page)])
      expect(kinds.flat().sort()).toEqual(['stored', 'taken'])
    })
    it('get batches, runs and jobs of their own, when they ask at once', async () => {
      const request = { batches: 5, bytes: 2 ** 40, leaseMs: 60_000 }
      await one.append(Array.from({ length: 8 }, () => sampleBatch([])))
      const taken = await Promise.all([one.takeBatches(request), other.takeBatches(request)])
      const numbers = taken.flat().map(({ seq }) => seq)
      expect(new Set(numbers).size).toBe(numbers.length)
      for (let n = 0; n < 8; n++) await keep(one, sampleEvents(4))
      const claims = Array.from({ length: 6 }, (_, n) => (n % 2 === 0 ? one : other))
      const runs = (
        await Promise.all(claims.map((store) => store.claimRuns(claimOf('counter', 8))))
      ).flat()
      expect(new Set(runs.map(({ run }) => run)).size).toBe(runs.length)
      const failed = runs.flatMap(eventsOf).length
      await one.commit({
        pages: [],
        progress: runs.map((run) => progressOf(run, { kind: 'retry', error: 'busy', delayMs: 0 })),
        jobs: [],
      })
      const jobs = (
        await Promise.all(claims.map((store) => store.claimJobs(claimOf('counter', 8))))
      ).flat()
      expect(new Set(jobs.map(({ event }) => event)).size).toBe(jobs.length)
      expect(jobs.length).toBeLessThanOrEqual(failed)
    })
  })
})
