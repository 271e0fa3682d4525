import { describe, expect, it } from 'vitest'
import type { ClaimedJob } from '../../../src/store/store.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { claimOf, endedJob, keep, progressOf, sampleEvent } from '../sample-rows.ts'
import { newDirectory, openSqliteStore, removeDirectory } from '../sqlite-harness.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const YEAR_MS = 365 * 24 * HOUR_MS

/** A store with clocks that the test sets. */
async function openWithClocks() {
  const directory = newDirectory()
  let wall = Date.UTC(2026, 0, 17, 12)
  let elapsed = 0
  const clocks = { now: () => wall, elapsedMs: () => elapsed }
  let store = await openSqliteStore(directory, clocks)
  onTestFinished(() => {
    store.close()
    removeDirectory(directory)
  })
  const retry = (delayMs: number) => ({ kind: 'retry', delayMs, error: 'x' }) as const
  return {
    claim: (): readonly ClaimedJob[] => store.claimJobs(claimOf('counter')),
    /** An event fails in its run, and is to be tried again. */
    async failFirst(delayMs: number) {
      await keep(store, [sampleEvent()])
      const runs = store.claimRuns(claimOf('counter'))
      const progress = runs.map((run) => progressOf(run, retry(delayMs)))
      store.commit({ pages: [], progress, jobs: [] })
    },
    failAgain(jobs: readonly ClaimedJob[], delayMs: number): void {
      const ended = jobs.map((job) => endedJob(job, retry(delayMs)))
      store.commit({ pages: [], progress: [], jobs: ended })
    },
    endDead(jobs: readonly ClaimedJob[]): void {
      const ended = jobs.map((job) => endedJob(job, { kind: 'dead', error: 'x' }))
      store.commit({ pages: [], progress: [], jobs: ended })
    },
    replay: (jobs: readonly ClaimedJob[]) =>
      store.replay(jobs.map(({ event, handler }) => ({ event: String(event), handler }))),
    /** A transaction that does not come to its end. */
    failOnce() {
      const pages = [
        {
          get batch(): never {
            throw Object.assign(new Error('a disk, say'), { errcode: 10 })
          },
        },
      ]
      store.commit({ pages: pages as never, progress: [], jobs: [] })
    },
    async restart() {
      store.close()
      store = await openSqliteStore(directory, clocks)
    },
    pass(ms: number): void {
      wall += ms
      elapsed += ms
    },
    step(ms: number): void {
      wall += ms
    },
  }
}

describe('a wall clock that is set back', () => {
  it('holds up no job that waits for its next attempt', async () => {
    const { claim, failFirst, pass, step } = await openWithClocks()
    await failFirst(MINUTE_MS)
    step(-HOUR_MS)
    pass(MINUTE_MS - 1)
    expect(claim()).toHaveLength(0)
    pass(1)
    expect(claim()).toHaveLength(1)
  })

  it('shortens no wait that begins after it', async () => {
    const { claim, failFirst, failAgain, pass, step } = await openWithClocks()
    await failFirst(0)
    const jobs = claim()
    step(-HOUR_MS)
    failAgain(jobs, MINUTE_MS)
    pass(MINUTE_MS - 1)
    expect(claim()).toHaveLength(0)
    pass(1)
    expect(claim()).toHaveLength(1)
  })

  it('is still known when the first transaction after it fails', async () => {
    const { claim, failFirst, failOnce, pass, step } = await openWithClocks()
    await failFirst(MINUTE_MS)
    step(-HOUR_MS)
    expect(failOnce).toThrow(expect.objectContaining({ code: 'store_unusable' }))
    pass(MINUTE_MS)
    expect(claim()).toHaveLength(1)
  })

  it('little by little holds them up by no more than a second', async () => {
    const { claim, failFirst, pass, step } = await openWithClocks()
    await failFirst(MINUTE_MS)
    for (let times = 0; times < 100; times++) {
      step(-100)
      expect(claim()).toHaveLength(0)
    }
    pass(MINUTE_MS + 1_000)
    expect(claim()).toHaveLength(1)
  })
})

describe('a wall clock that was ahead in the process before', () => {
  it('holds up no job that failed then', async () => {
    const { claim, failFirst, restart, step } = await openWithClocks()
    step(2 * YEAR_MS)
    await failFirst(MINUTE_MS)
    step(-2 * YEAR_MS)
    await restart()
    expect(claim()).toHaveLength(1)
  })

  it('holds up no job that was replayed then, also when it was ahead by little', async () => {
    const { claim, failFirst, endDead, replay, restart, step } = await openWithClocks()
    await failFirst(0)
    const jobs = claim()
    endDead(jobs)
    step(HOUR_MS)
    expect(replay(jobs)).toBe(1)
    step(-HOUR_MS)
    await restart()
    expect(claim()).toHaveLength(1)
  })

  it('leaves a wait that can be right as it is, over a restart as well', async () => {
    const { claim, failFirst, restart, pass } = await openWithClocks()
    const wait = 7 * 24 * HOUR_MS
    await failFirst(wait)
    await restart()
    pass(wait - 1)
    expect(claim()).toHaveLength(0)
    pass(1)
    expect(claim()).toHaveLength(1)
  })
})
