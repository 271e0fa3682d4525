import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { createFloor } from '../../../src/store/postgres/floors.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import type { PostgresStore } from '../postgres-harness.ts'
import {
  claimOf,
  endedJob,
  keep,
  pageOf,
  progressOf,
  sampleBatch,
  sampleEvents,
} from '../sample-rows.ts'
import { createTestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()
const ROUNDS = 80
const BATCHES = 4
const TAKE = { batches: 1_000, bytes: 2 ** 40, leaseMs: 60_000 }

/** Open rows by number, of which a look closes the first two; each number it passes takes `passMs`. */
function openRows(passMs: number, nextLapse?: () => Promise<number | undefined>) {
  let time = 0
  const open = new Set<number>()
  const looks: number[] = []
  const floor = createFloor(() => time)
  const read = async (from: number) => {
    looks.push(from)
    time += passMs * Math.max(0, Math.max(0, ...open) - from)
    const found = [...open].filter((row) => row >= from).sort((a, b) => a - b)
    for (const row of found.slice(0, 2)) open.delete(row)
    return found.slice(0, 2)
  }
  return {
    looks,
    add: (...rows: number[]) => rows.forEach((row) => open.add(row)),
    pass(ms: number) {
      time += ms
    },
    lower: floor.lower,
    look: () => floor.look({ read, placeOf: (row) => row, nextLapse }),
  }
}

/** Looks at one new pair of rows after the other, one each second. */
async function climb(rows: ReturnType<typeof openRows>, pairs: number): Promise<void> {
  for (let pair = 0; pair < pairs; pair++) {
    rows.add(1_000 + 2 * pair, 1_001 + 2 * pair)
    await rows.look()
    rows.pass(1_000)
  }
}

describe('where a look for open rows begins', () => {
  it('is the bottom as long as that is cheap', async () => {
    const rows = openRows(0)
    await climb(rows, 30)
    expect(new Set(rows.looks)).toEqual(new Set([0]))
  })

  it('is where the first open row was a moment ago, once that has a price', async () => {
    const rows = openRows(0.1)
    await climb(rows, 60)
    const late = rows.looks.slice(-30)
    expect(late.filter((from) => from === 0).length).toBeLessThan(20)
    for (const from of late.filter((place) => place > 0)) {
      expect(from).toBeGreaterThan(1_030)
      // Not so near that a transaction which is still under way could be below it.
      expect(from).toBeLessThanOrEqual(1_118 - 2 * 3)
    }
  })

  it('is the bottom when nothing is above, so that a row that came late is found', async () => {
    const rows = openRows(0.1)
    await climb(rows, 60)
    rows.pass(60_000)
    rows.add(7)
    expect(await rows.look()).toEqual([7])
  })

  it('is the bottom once more when rows below may be open again, and then where they were', async () => {
    const rows = openRows(0.1)
    await climb(rows, 60)
    rows.add(3, 4, 5, 6, 2_000, 2_001)
    rows.lower()
    expect([await rows.look(), await rows.look(), await rows.look()]).toEqual([
      [3, 4],
      [5, 6],
      [2_000, 2_001],
    ])
  })
})

describe('a lease that lapses below where looks begin', () => {
  /** Looks are dear, and one from the bottom has just been. */
  async function openDear(lapseMs: number | undefined) {
    const rows = openRows(0.5, async () => lapseMs)
    await climb(rows, 60)
    rows.pass(60_000)
    rows.add(2_000, 2_001)
    await rows.look()
    expect(rows.looks.at(-1)).toBe(0)
    return rows
  }

  it('is found when it ends, though looks from the bottom pause for longer', async () => {
    const rows = await openDear(4_000)
    rows.add(7, 3_000, 3_001)
    rows.pass(3_900)
    expect(await rows.look()).toEqual([3_000, 3_001])
    rows.pass(200)
    expect(await rows.look()).toEqual([7])
  })

  it('makes no look from the bottom where none lapses soon', async () => {
    const rows = await openDear(undefined)
    rows.add(7, 3_000, 3_001)
    rows.pass(9_000)
    expect(await rows.look()).toEqual([3_000, 3_001])
  })
})

/** Each claims one kind, so that each has a clock of its own, by which a look takes long. */
interface Claimers {
  readonly ofBatches: PostgresStore
  readonly ofRuns: PostgresStore
  readonly ofJobs: PostgresStore
}

/** New batches through unpacking, a run each, and for every second event a job. */
async function goRound({ ofBatches, ofRuns, ofJobs }: Claimers): Promise<void> {
  const parts = Array.from({ length: BATCHES }, () => sampleEvents(1))
  const given = parts.map((events) => sampleBatch(events))
  await ofBatches.append(given)
  const events = new Map(given.map(({ id }, n) => [id, parts[n]!]))
  const taken = await ofBatches.takeBatches(TAKE)
  const pages = taken.map((batch) => pageOf(batch, events.get(batch.id)!))
  await ofBatches.commit({ pages, progress: [], jobs: [] })
  const runs = await ofRuns.claimRuns(claimOf('counter'))
  const fails = { kind: 'retry', error: 'x', delayMs: 0 } as const
  const progress = runs.map((run, n) => progressOf(run, n % 2 ? { kind: 'done' } : fails))
  await ofRuns.commit({ pages: [], progress, jobs: [] })
  const jobs = await ofJobs.claimJobs(claimOf('counter'))
  const ended = jobs.map((job) => endedJob(job, { kind: 'done' }))
  await ofJobs.commit({ pages: [], progress: [], jobs: ended })
  expect([taken.length, runs.length, jobs.length]).toEqual([BATCHES, BATCHES, BATCHES / 2])
}

const READ_ENTRIES = `
  SELECT indexrelname AS name, idx_tup_read AS n FROM pg_stat_user_indexes
  WHERE indexrelname IN ('batches_open', 'runs_open', 'jobs_due') ORDER BY 1`

describe.skipIf(!server)('a run of a replica that has died, below where looks begin', () => {
  it('is handed out once its lease has ended, however dear a look from the bottom is', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    const clock = { now: 0, stepMs: 0 }
    const elapsedMs = () => {
      clock.now += clock.stepMs
      return clock.now
    }
    const [dying, store] = [await open(), await open(url, { elapsedMs })]
    await keep(store, sampleEvents(1))
    const [run] = await dying.claimRuns(claimOf('counter', 10_000, 2_000))
    // Where looks begin rises above that run.
    for (let pair = 0; pair < 4; pair++) {
      clock.now += 20_000
      await keep(store, sampleEvents(1))
      clock.stepMs = 600
      const found = await store.claimRuns(claimOf('counter'))
      clock.stepMs = 0
      expect(found).toHaveLength(1)
    }
    const isOver = `SELECT leased_until < extract(epoch FROM now()) * 1000 AS over FROM runs WHERE id = $1`
    await expect
      .poll(async () => (await execute<{ over: boolean }>(isOver, [run!.run]))[0]?.over)
      .toBe(true)
    clock.now += 2_000
    expect(await store.claimRuns(claimOf('counter'))).toMatchObject([{ run: run!.run }])
  })
})

describe.skipIf(!server)('claims beside a forgotten transaction', () => {
  it('pass few of the rows that are closed, though none can be vacuumed', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    const openSlow = () => {
      let time = 0
      const elapsedMs = () => {
        time += 300
        return time
      }
      return open(url, { elapsedMs: elapsedMs })
    }
    const [ofBatches, ofRuns, ofJobs] = [await openSlow(), await openSlow(), await openSlow()]
    const forgotten = new Client({ connectionString: url })
    await forgotten.connect()
    onTestFinished(() => forgotten.end())
    await forgotten.query('BEGIN; SELECT txid_current()')
    for (let round = 0; round < ROUNDS; round++) await goRound({ ofBatches, ofRuns, ofJobs })
    await Promise.all([ofBatches, ofRuns, ofJobs].map((store) => store.close()))
    const readEntries = async () => {
      const rows = await execute<{ name: string; n: string }>(READ_ENTRIES)
      return rows.map(({ n }) => Number(n))
    }
    await expect.poll(readEntries).toSatisfy((read: number[]) => read.every((n) => n > 0))
    const [batches = 0, jobs = 0, runs = 0] = await readEntries()
    // Each look from the bottom would pass all that came before: half of ROUNDS, in each of ROUNDS.
    const all = (ROUNDS ** 2 / 2) * BATCHES
    expect(Math.max(batches, runs) / all).toBeLessThan(0.4)
    expect(jobs / (all / 2)).toBeLessThan(0.4)
  })
})
