import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../../src/model.ts'
import type { ClaimedJob, EndedJob } from '../../../src/store/store.ts'
import {
  claimOf,
  endAll,
  endedJob,
  keep,
  LEASE_MS,
  progressOf,
  sampleEvents,
  TOOK_MS,
} from '../sample-rows.ts'
import { type StoreHarness, storeForEachTest } from '../store-harness.ts'

const DONE = { kind: 'done' } as const
const RELEASED = { kind: 'released' } as const
const DAY_MS = 86_400_000
const retryAfter = (delayMs: number, error = 'busy') => ({ kind: 'retry', error, delayMs }) as const

/** How every engine runs single events again: those that failed, or that were replayed by themselves. */
export function describeJobs(engine: string, harness: StoreHarness): void {
  describe(`jobs in a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const claim = (events = 100, handler = 'counter', leaseMs = LEASE_MS) =>
      tested.store.claimJobs(claimOf(handler, events, leaseMs))
    const commit = async (jobs: readonly EndedJob[]) =>
      (await tested.store.commit({ pages: [], progress: [], jobs })).refused
    const settle = (jobs: readonly ClaimedJob[], outcome: Outcome) =>
      commit(jobs.map((job) => endedJob(job, outcome)))
    const extend = (jobs: readonly ClaimedJob[], leaseMs: number) => {
      const held = jobs.map(({ event, handler, fence }) => ({ event, handler, fence }))
      return tested.store.extend({ batches: [], runs: [], jobs: held }, leaseMs)
    }
    const rows = async () => (await tested.store.archive.listJobs({ limit: 500 })).rows
    const counts = async (handler = 'counter') => (await tested.store.archive.stats()).jobs[handler]
    async function onlyEvent() {
      const { rows: events } = await tested.store.archive.listEvents({})
      expect(events).toHaveLength(1)
      return tested.store.archive.getEvent(events[0]?.id ?? '')
    }
    const onlyJob = async () => (await onlyEvent())?.jobs[0]

    /** Events of which each has a job: their first attempt failed and the second is due. */
    async function keepFailing(count = 1): Promise<readonly number[]> {
      const { events } = await keep(tested.store, sampleEvents(count))
      const [run] = await tested.store.claimRuns(claimOf('counter'))
      const progress = [progressOf(run!, retryAfter(0, 'first'))]
      await tested.store.commit({ pages: [], progress, jobs: [] })
      return events
    }

    it('hands out a job to one claimer while its attempt lasts, at most as many as asked for', async () => {
      await keepFailing(10)
      const claimed = await Promise.all([claim(4), claim(4), claim(4)])
      const rest = await claim()
      const events = [...claimed, rest].flat().map(({ event }) => event)
      for (const jobs of claimed) expect(jobs.length).toBeLessThanOrEqual(4)
      expect(events).toHaveLength(10)
      expect(new Set(events).size).toBe(10)
    })
    it('hands out no more bytes than asked for, but always the first', async () => {
      await keepFailing(5)
      const ask = (bytes: number) =>
        tested.store.claimJobs({ handler: 'counter', events: 100, bytes, leaseMs: LEASE_MS })
      const [first] = await ask(1)
      expect(first).toBeDefined()
      expect(await ask(first!.payload.length * 2 + 1)).toHaveLength(2)
    })
    it('hands out no job of another handler', async () => {
      await keepFailing()
      expect(await claim(100, 'other')).toEqual([])
    })
    it('hands out a job again, with the next attempt, when its holder has died', async () => {
      await keepFailing()
      const [first] = await claim(1, 'counter', 0)
      await tested.holderDies()
      const [second] = await claim(1)
      expect(second).toMatchObject({ event: first?.event, attempt: 3, counted: 3 })
      expect(second?.fence).not.toBe(first?.fence)
    })
    it('keeps a trace of an attempt whose holder died', async () => {
      await keepFailing()
      await claim(1, 'counter', 0)
      await tested.holderDies()
      const jobs = await claim(1)
      const told = await onlyJob()
      expect(told?.attempts).toMatchObject([
        { attempt: 1, outcome: 'retry', error: 'first' },
        { attempt: 2, outcome: 'retry', error: expect.stringMatching(/^interrupted/) },
      ])
      expect(told?.lastError).toMatch(/^interrupted/)
      await settle(jobs, DONE)
      expect((await onlyJob())?.attempts).toMatchObject([
        { attempt: 1 },
        { attempt: 2 },
        { attempt: 3, outcome: 'done' },
      ])
    })
    it('keeps no trace of an attempt that was released before its holder died', async () => {
      await keepFailing()
      await settle(await claim(1, 'counter', 0), RELEASED)
      await tested.holderDies()
      expect(await claim()).toMatchObject([{ attempt: 2, counted: 2 }])
      expect((await onlyJob())?.attempts).toMatchObject([{ attempt: 1 }])
    })
    it('keeps the lease of the newest attempt that is extended, and of no other', async () => {
      if (!harness.keepsLeases) return
      await keepFailing()
      const late = await claim(1, 'counter', 0)
      await extend(late, LEASE_MS)
      expect(await claim()).toEqual([])
      await extend(late, 0)
      await claim()
      await extend(late, 0)
      expect(await claim()).toEqual([])
    })
    it('extends no earlier attempt when the newest was released', async () => {
      await keepFailing()
      const late = await claim(1, 'counter', 0)
      await tested.holderDies()
      await settle(await claim(), RELEASED)
      await extend(late, LEASE_MS)
      expect(await claim()).toMatchObject([{ attempt: 3 }])
    })
    it('takes nothing of an attempt whose fence was never given', async () => {
      await keepFailing()
      await claim(1, 'counter', 0)
      await tested.holderDies()
      const jobs = await claim()
      for (const off of [-1, 1, 1_000]) {
        const named = jobs.map((job) => ({ ...job, fence: job.fence + off }))
        await extend(named, 0)
        expect(await settle(named, { kind: 'dead', error: 'gone' })).toBe(1)
      }
      expect(await claim()).toEqual([])
      const wrong = jobs.map((job) => endedJob({ ...job, fence: job.fence - 1 }, RELEASED))
      const unknown = jobs.map((job) => endedJob({ ...job, event: job.event + 1 }, DONE))
      const right = jobs.map((job) => endedJob(job, DONE))
      expect(await commit([...wrong, ...unknown, ...right])).toBe(2)
      expect(await onlyEvent()).toMatchObject({ state: 'done' })
    })
    it.each<Outcome>([
      DONE,
      retryAfter(LEASE_MS),
      { kind: 'dead', error: 'gone' },
      { kind: 'alone', error: 'ended' },
      RELEASED,
    ])('takes one outcome of an attempt, when the first told is $kind', async (outcome) => {
      await keepFailing()
      const jobs = await claim()
      expect(await settle(jobs, outcome)).toBe(0)
      const told = await rows()
      for (const later of [outcome, RELEASED, retryAfter(0, 'late'), DONE]) {
        expect(await settle(jobs, later)).toBe(1)
      }
      expect(await rows()).toEqual(told)
    })
    it('takes the first of several outcomes of an attempt that are told together', async () => {
      await keepFailing(2)
      const [one, other] = await claim()
      const refused = await commit([
        endedJob(one!, retryAfter(LEASE_MS, 'second')),
        endedJob(one!, DONE),
        endedJob(other!, DONE),
        endedJob(other!, retryAfter(LEASE_MS)),
      ])
      expect(refused).toBe(2)
      expect(await counts()).toEqual({ pending: 1, done: 1, dead: 0 })
      expect(await rows()).toMatchObject([
        {
          event: String(other?.event),
          state: 'done',
          attempts: [{ error: 'first' }, { outcome: 'done' }],
        },
        {
          event: String(one?.event),
          state: 'pending',
          attempts: [{ error: 'first' }, { error: 'second' }],
        },
      ])
    })
    it('hands out the longest due first, and in the order of events what is due together', async () => {
      const events = await keepFailing(6)
      const jobs = await claim()
      await settle([...jobs].reverse(), RELEASED)
      const claimed = [...(await claim(2)), ...(await claim(2)), ...(await claim(2))]
      expect(claimed.map(({ event }) => event)).toEqual(events)
    })
    it('takes the outcome of the newest attempt only', async () => {
      await keepFailing()
      const late = await claim(1, 'counter', 0)
      await tested.holderDies()
      const newer = await claim(1)
      expect(await settle(late, DONE)).toBe(1)
      expect(await counts()).toEqual({ pending: 1, done: 0, dead: 0 })
      expect(await settle(newer, DONE)).toBe(0)
      expect(await counts()).toEqual({ pending: 0, done: 1, dead: 0 })
    })
    it('takes the outcome of an attempt whose lease ended while nobody else had the job', async () => {
      await keepFailing()
      const jobs = await claim(1, 'counter', 0)
      expect(await settle(jobs, DONE)).toBe(0)
      expect(await counts()).toEqual({ pending: 0, done: 1, dead: 0 })
    })
    it('makes a failed job due again after its delay', async () => {
      await keepFailing()
      const claimed = await claim()
      const settledAt = Date.now()
      await settle(claimed, retryAfter(500))
      await expect.poll(() => claim()).toMatchObject([{ attempt: 3, counted: 3 }])
      expect(Date.now() - settledAt).toBeGreaterThanOrEqual(500)
    })
    it('keeps a job waiting over a restart', async () => {
      await keepFailing(2)
      const [one] = await claim(1)
      await settle([one!], retryAfter(DAY_MS / 2))
      await tested.restart()
      expect((await claim()).map(({ event }) => event)).toEqual([one!.event + 1])
      expect(await counts()).toEqual({ pending: 2, done: 0, dead: 0 })
    })
    it('takes a job for due whose time is further away than any wait', async () => {
      await keepFailing()
      await settle(await claim(), retryAfter(2 * 365 * DAY_MS))
      await tested.restart()
      expect(await claim()).toMatchObject([{ attempt: 3 }])
    })
    it('never runs a dead job again by itself', async () => {
      await keepFailing()
      await settle(await claim(), { kind: 'dead', error: 'no such account' })
      expect(await claim()).toEqual([])
      await tested.restart()
      expect(await claim()).toEqual([])
      expect(await onlyEvent()).toMatchObject({
        state: 'dead',
        jobs: [{ lastError: 'no such account', dueAt: undefined }],
      })
    })
    it('does not count an attempt that was released', async () => {
      await keepFailing()
      await settle(await claim(), RELEASED)
      expect(await onlyJob()).toMatchObject({ attempt: 1, attempts: [{ attempt: 1 }] })
      expect(await claim()).toMatchObject([{ attempt: 2, counted: 2 }])
    })
    it('spares an attempt that counts for no schedule, but tells of it', async () => {
      await keepFailing()
      await settle(await claim(), { ...retryAfter(0, 'away'), isSpared: true })
      expect(await claim()).toMatchObject([{ attempt: 3, counted: 2, isAlone: false }])
      expect((await onlyJob())?.attempts).toMatchObject([
        { attempt: 1 },
        { attempt: 2, outcome: 'retry', error: 'away' },
      ])
    })
    it('hands out alone, at once and uncounted, what may have ended its process', async () => {
      await keepFailing()
      await settle(await claim(), { kind: 'alone', error: 'the process ended' })
      const jobs = await claim()
      expect(jobs).toMatchObject([{ isAlone: true, attempt: 3, counted: 2 }])
      expect((await onlyJob())?.attempts).toMatchObject([
        { attempt: 1 },
        { attempt: 2, outcome: 'retry', error: 'the process ended' },
      ])
      await settle(jobs, retryAfter(0))
      expect(await claim()).toMatchObject([{ attempt: 4, counted: 3, isAlone: false }])
    })
    it('stays alone when the attempt was released or its holder died', async () => {
      await keepFailing()
      await settle(await claim(), { kind: 'alone', error: 'the process ended' })
      await settle(await claim(), RELEASED)
      expect(await claim(1, 'counter', 0)).toMatchObject([{ isAlone: true }])
      await tested.holderDies()
      expect(await claim()).toMatchObject([{ isAlone: true }])
    })
    it('tells of every attempt with its outcome, error and duration', async () => {
      await keepFailing()
      await settle(await claim(), retryAfter(0, 'second'))
      await settle(await claim(), DONE)
      const ended = { endedAt: expect.any(Number), durationMs: TOOK_MS }
      const expected = [
        expect.objectContaining({
          state: 'done',
          attempt: 3,
          dueAt: undefined,
          attempts: [
            { attempt: 1, outcome: 'retry', error: 'first', ...ended },
            { attempt: 2, outcome: 'retry', error: 'second', ...ended },
            { attempt: 3, outcome: 'done', error: undefined, ...ended },
          ],
        }),
      ]
      expect((await onlyEvent())?.jobs).toEqual(expected)
      await tested.restart()
      expect((await onlyEvent())?.jobs).toEqual(expected)
    })
    it.each([
      'line\nfeed "quoted" \\ \u2028',
      'NUL \0 and halves \ud800 \udc00',
      '\u{1f389}'.repeat(9),
    ])('keeps an error as it was told, as far as it can be written (%j)', async (error) => {
      await keepFailing()
      await settle(await claim(), { kind: 'dead', error })
      const told = (await onlyJob())?.attempts.at(-1)?.error ?? ''
      const plain = (text: string) => text.replace(/[\0\ufffd\ud800-\udfff]/g, '?')
      expect(plain(told)).toBe(plain(error))
    })
    it('lets the oldest attempts of a long record go', async () => {
      await keepFailing()
      for (let n = 0; n < 9; n++)
        await settle(await claim(), retryAfter(0, `${n}${'x'.repeat(9_000)}`))
      await settle(await claim(), DONE)
      const job = await onlyJob()
      const attempts = job?.attempts.map(({ attempt }) => attempt) ?? []
      expect(attempts.at(-1)).toBe(11)
      expect(attempts.length).toBeLessThan(11)
      expect(attempts).toEqual([...attempts].sort((a, b) => a - b))
      expect(job?.attempts.at(-2)?.error?.charAt(0)).toBe('8')
    })
    it('goes on with unfinished jobs after a restart', async () => {
      await keepFailing(3)
      const [first] = await claim(1)
      await settle([first!], DONE)
      await tested.restart()
      expect(await claim()).toHaveLength(2)
    })
    it('ends runs and jobs of a handler in one commit', async () => {
      await keepFailing(2)
      await keep(tested.store, sampleEvents(3))
      expect(await endAll(tested.store, DONE)).toHaveLength(5)
      expect(await counts()).toEqual({ pending: 0, done: 5, dead: 0 })
    })
  })
}
