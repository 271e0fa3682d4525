import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../../src/model.ts'
import type { JobName } from '../../../src/store/store.ts'
import {
  claimOf,
  endAll,
  endedJob,
  eventsOf,
  keep,
  partOf,
  progressOf,
  pruneAll,
  sampleEvent,
  sampleEvents,
  TOOK_MS,
} from '../sample-rows.ts'
import { type StoreHarness, storeForEachTest } from '../store-harness.ts'

const DONE = { kind: 'done' } as const
const DEAD = { kind: 'dead', error: 'x' } as const
const retry = (error: string): Outcome => ({ kind: 'retry', error, delayMs: 0 })

/** How every engine runs again what had ended. */
export function describeReplay(engine: string, harness: StoreHarness): void {
  describe(`replay in a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const claimRuns = (handler = 'counter') => tested.store.claimRuns(claimOf(handler))
    const claimJobs = (handler = 'counter') => tested.store.claimJobs(claimOf(handler))
    const named = (events: readonly number[], handler = 'counter'): JobName[] =>
      events.map((event) => ({ event: String(event), handler }))
    const replay = (events: readonly number[], only?: 'done' | 'dead', handler = 'counter') =>
      tested.store.replay(named(events, handler), only)
    const stats = () => tested.store.archive.stats()
    const counts = async (handler = 'counter') => (await stats()).jobs[handler]
    const jobOf = async (event: number, handler = 'counter') =>
      (await tested.store.archive.getEvent(String(event)))?.jobs.find(
        (job) => job.handler === handler,
      )
    /** Events that wait, whether in a run or by themselves. */
    async function claimAll(handler = 'counter') {
      const runs = await claimRuns(handler)
      const jobs = await claimJobs(handler)
      const events = [...runs.flatMap(eventsOf), ...jobs.map(({ event }) => event)]
      return { runs, jobs, events: events.sort((a, b) => a - b) }
    }

    async function keepDone(count: number): Promise<readonly number[]> {
      const { events } = await keep(tested.store, sampleEvents(count))
      await endAll(tested.store, DONE)
      return events
    }

    it('runs a job now that waits for its next attempt, and no other', async () => {
      const { events } = await keep(tested.store, sampleEvents(3))
      await endAll(tested.store, { kind: 'retry', error: 'later', delayMs: 3_600_000 })
      expect((await claimAll()).events).toEqual([])

      expect(await tested.store.hasten(named([events[1]!]))).toBe(1)
      expect(await tested.store.hasten(named([events[1]!], 'nobody'))).toBe(0)

      const { jobs } = await claimAll()
      expect(jobs).toMatchObject([{ event: events[1], attempt: 2 }])
      // It runs; and the others still wait.
      expect(await tested.store.hasten(named([events[1]!]))).toBe(0)
      expect((await claimAll()).events).toEqual([])
    })
    it('runs one event again by itself, with its bytes', async () => {
      const event = sampleEvent({ type: 'click', payload: '{"event":"click","é":1}' })
      const { events } = await keep(tested.store, [sampleEvent(), event, sampleEvent()])
      await endAll(tested.store, DONE)
      expect(await replay([events[1]!])).toBe(1)
      expect(await counts()).toEqual({ pending: 1, done: 2, dead: 0 })
      const { runs, jobs } = await claimAll()
      expect(runs).toEqual([])
      expect(jobs).toMatchObject([
        { event: events[1], attempt: 1, counted: 1, type: 'click', isAlone: false },
      ])
      expect(Buffer.from(jobs[0]!.payload).toString()).toBe(event.payload)
      expect(Buffer.from(jobs[0]!.key).equals(Buffer.from(event.key))).toBe(true)
    })
    it('runs several events of a batch again as a run of just these', async () => {
      const events = await keepDone(9)
      const again = [events[1]!, events[4]!, events[8]!]
      expect(await replay(again)).toBe(3)
      expect(await counts()).toEqual({ pending: 3, done: 6, dead: 0 })
      const { runs, jobs } = await claimAll()
      expect(jobs).toEqual([])
      expect(runs.map(eventsOf)).toEqual([again])
      expect(runs[0]).toMatchObject({ opened: 1 })
      await tested.store.commit({
        pages: [],
        progress: [partOf(runs[0]!, { done: again.slice(0, 2) })],
        jobs: [],
      })
      expect(await counts()).toEqual({ pending: 1, done: 8, dead: 0 })
      await tested.restart()
      expect(await counts()).toEqual({ pending: 1, done: 8, dead: 0 })
    })
    it('runs events of several batches, handlers and states again in one call', async () => {
      const both = ['counter', 'other']
      const first = await keep(tested.store, sampleEvents(3, { handlers: both }))
      const second = await keep(tested.store, sampleEvents(3, { handlers: both }))
      await endAll(tested.store, DONE, 'counter')
      await endAll(tested.store, DEAD, 'other')
      const events = [...first.events.slice(0, 2), ...second.events.slice(2)]
      const names = both.flatMap((handler) => named(events, handler))
      expect(await tested.store.replay([...names].reverse())).toBe(6)
      expect((await stats()).jobs).toEqual({
        counter: { pending: 3, done: 3, dead: 0 },
        other: { pending: 3, done: 0, dead: 3 },
      })
      expect((await stats()).events.byState).toMatchObject({ pending: 3, dead: 3, done: 0 })
      for (const handler of both) {
        expect((await claimAll(handler)).events).toEqual([...events].sort((a, b) => a - b))
      }
    })
    it('runs more events again than a run has room for', async () => {
      const { events } = await keep(tested.store, sampleEvents(1_400))
      await endAll(tested.store, DONE)
      expect(await replay(events)).toBe(1_400)
      expect(await counts()).toEqual({ pending: 1_400, done: 0, dead: 0 })
      expect((await claimAll()).events).toEqual(events)
    })
    it('counts each event once, however often it is named', async () => {
      const events = await keepDone(2)
      expect(await replay([events[0]!, events[0]!])).toBe(1)
      expect(await replay([events[1]!, events[0]!, events[1]!])).toBe(1)
      expect(await counts()).toEqual({ pending: 2, done: 0, dead: 0 })
      expect((await claimAll()).events).toEqual(events)
    })
    it('makes the dead pending again, with a fresh count of attempts', async () => {
      const { events } = await keep(tested.store, sampleEvents(2))
      await endAll(tested.store, retry('first'))
      await endAll(tested.store, DEAD)
      expect(await replay(events)).toBe(2)
      expect(await jobOf(events[0]!)).toMatchObject({ state: 'pending', attempt: 0 })
      expect(await claimJobs()).toMatchObject([
        { attempt: 1, counted: 1, isAlone: false },
        { attempt: 1, counted: 1, isAlone: false },
      ])
    })
    it('forgets with a replay that an event was to run alone', async () => {
      const { events } = await keep(tested.store, [sampleEvent()])
      await endAll(tested.store, { kind: 'alone', error: 'ended' })
      await endAll(tested.store, DEAD)
      await replay(events)
      expect(await claimJobs()).toMatchObject([{ attempt: 1, counted: 1, isAlone: false }])
    })
    it('never takes an outcome from before for one of a newer attempt', async () => {
      const { events } = await keep(tested.store, [sampleEvent()])
      const [run] = await claimRuns()
      const failing = progressOf(run!, retry('busy'))
      await tested.store.commit({ pages: [], progress: [failing], jobs: [] })
      const settle = async (job: Parameters<typeof endedJob>[0], outcome: Outcome) =>
        (await tested.store.commit({ pages: [], progress: [], jobs: [endedJob(job, outcome)] }))
          .refused
      const [job] = await claimJobs()
      await settle(job!, DONE)
      await replay(events)
      const [newer] = await claimJobs()
      expect(newer?.attempt).toBe(1)
      expect(await settle(job!, DEAD)).toBe(1)
      const held = { event: job!.event, handler: 'counter', fence: job!.fence }
      await tested.store.extend({ batches: [], runs: [], jobs: [held] }, 0)
      expect(await claimJobs()).toEqual([])
      expect(await settle(newer!, { kind: 'released' })).toBe(0)
      const [again] = await claimJobs()
      expect(again?.attempt).toBe(1)
      expect(await settle(newer!, DONE)).toBe(1)
      expect(await settle(again!, DONE)).toBe(0)
    })
    it('never takes an outcome of the run from before for one of the newer run', async () => {
      const { events } = await keep(tested.store, sampleEvents(3))
      const [run] = await claimRuns()
      const [a, b] = events
      await tested.store.commit({
        pages: [],
        progress: [partOf(run!, { done: [a!, b!] })],
        jobs: [],
      })
      expect(await replay([a!, b!])).toBe(2)
      const late = [partOf(run!, { done: [a!] }), progressOf(run!, DEAD, [b!])]
      await tested.store.commit({ pages: [], progress: late, jobs: [] })
      expect(await counts()).toEqual({ pending: 3, done: 0, dead: 0 })
      expect((await claimAll()).events).toEqual([a, b])
      await tested.store.commit({
        pages: [],
        progress: [partOf(run!, { done: [events[2]!] })],
        jobs: [],
      })
      expect(await counts()).toEqual({ pending: 2, done: 1, dead: 0 })
    })
    it('leaves what is pending as it is, in a run or by itself', async () => {
      const { events } = await keep(tested.store, sampleEvents(3))
      expect(await replay(events)).toBe(0)
      const [run] = await claimRuns()
      const failing = progressOf(run!, retry('busy'), [events[0]!])
      await tested.store.commit({ pages: [], progress: [failing], jobs: [] })
      expect(await replay(events)).toBe(0)
      expect(await claimRuns()).toEqual([])
      expect(await claimJobs()).toMatchObject([{ event: events[0], attempt: 2 }])
      expect(await replay(events)).toBe(0)
      expect(await counts()).toEqual({ pending: 3, done: 0, dead: 0 })
    })
    it('leaves out jobs in another state than asked for', async () => {
      const { events } = await keep(tested.store, sampleEvents(4))
      const [run] = await claimRuns()
      const [a, b, c, d] = events
      const progress = [partOf(run!, { done: [a!, b!] }), progressOf(run!, DEAD, [c!, d!])]
      await tested.store.commit({ pages: [], progress, jobs: [] })
      expect(await replay([a!, c!], 'dead')).toBe(1)
      expect((await claimAll()).events).toEqual([c])
      expect(await replay([b!, d!], 'done')).toBe(1)
      expect((await claimAll()).events).toEqual([b])
      expect(await counts()).toEqual({ pending: 2, done: 1, dead: 1 })
    })
    it('keeps the record of every attempt, those that succeeded before too', async () => {
      const { events } = await keep(tested.store, [sampleEvent()])
      const [event] = events
      const ended = { endedAt: expect.any(Number), durationMs: TOOK_MS }
      const first = [
        { attempt: 1, outcome: 'retry', error: 'first', ...ended },
        { attempt: 2, outcome: 'done', error: undefined, ...ended },
      ]
      const second = { attempt: 1, outcome: 'retry', error: 'second', ...ended }
      const attempts = async () =>
        (await jobOf(event!))?.attempts.map((one) => ({ ...one, error: one.error }))
      await endAll(tested.store, retry('first'))
      await endAll(tested.store, DONE)
      const before = await attempts()
      expect(await replay(events)).toBe(1)
      expect(await attempts()).toEqual(first)
      expect(await attempts()).toEqual(before)
      await endAll(tested.store, retry('second'))
      expect(await jobOf(event!)).toMatchObject({ lastError: 'second' })
      expect(await attempts()).toEqual([...first, second])
      await endAll(tested.store, DONE)
      await tested.restart()
      await replay(events)
      expect(await attempts()).toEqual([...first, second, first[1]])
      expect(await jobOf(event!)).toMatchObject({ state: 'pending', attempt: 0 })
    })
    it('keeps the record of what was simply done, replayed by itself or with others', async () => {
      const done = { outcome: 'done', durationMs: TOOK_MS }
      const [a, b, c] = await keepDone(3)
      await replay([a!])
      await replay([b!, c!])
      for (const event of [a!, b!, c!]) {
        expect(await jobOf(event)).toMatchObject({ state: 'pending', attempts: [done] })
      }
      await endAll(tested.store, DONE)
      for (const event of [a!, b!, c!]) {
        expect(await jobOf(event)).toMatchObject({ state: 'done', attempts: [done, done] })
      }
      await replay([a!, b!])
      for (const event of [a!, b!]) {
        expect(await jobOf(event)).toMatchObject({ state: 'pending', attempts: [done, done] })
      }
    })
    it('takes no earlier error for that of a job that succeeded since', async () => {
      const { events } = await keep(tested.store, [sampleEvent()])
      await endAll(tested.store, retry('busy'))
      await endAll(tested.store, DONE)
      await replay(events)
      expect(await jobOf(events[0]!)).toMatchObject({ state: 'pending', lastError: undefined })
    })
    it('lets an event fail again after a replay as a run', async () => {
      const events = await keepDone(3)
      await replay(events)
      await endAll(tested.store, retry('again'))
      expect(await counts()).toEqual({ pending: 3, done: 0, dead: 0 })
      expect(await claimJobs()).toMatchObject(
        events.map((event) => ({ event, attempt: 2, counted: 2 })),
      )
    })
    it('runs events for a handler that was not there when they came, several and one', async () => {
      const { events } = await keep(tested.store, sampleEvents(3, { handlers: [] }))
      expect(await replay(events.slice(0, 2), undefined, 'newcomer')).toBe(2)
      expect(await replay(events.slice(2), undefined, 'newcomer')).toBe(1)
      expect((await stats()).events.byState).toMatchObject({ unhandled: 0, pending: 3 })
      const { runs, jobs } = await claimAll('newcomer')
      expect(runs.map(eventsOf)).toEqual([events.slice(0, 2)])
      expect(jobs).toMatchObject([{ event: events[2], attempt: 1 }])
      expect(await counts('newcomer')).toEqual({ pending: 3, done: 0, dead: 0 })
      expect((await tested.store.archive.listEvents({ state: 'unhandled' })).rows).toEqual([])
    })
    it('leaves out, with `only`, jobs that never were', async () => {
      const { events } = await keep(tested.store, sampleEvents(2, { handlers: [] }))
      expect(await replay(events, 'done', 'newcomer')).toBe(0)
      expect(await replay(events, 'dead', 'newcomer')).toBe(0)
      expect((await stats()).events.byState).toMatchObject({ unhandled: 2, pending: 0 })
    })
    it('runs a conflict, an event that one handler has done, when it is named', async () => {
      const event = sampleEvent()
      const other = { ...event, payload: '{"event":"bounce"}', type: 'bounce' }
      const { events } = await keep(tested.store, [event, other])
      await endAll(tested.store, DONE)
      expect((await stats()).events.byState).toMatchObject({ conflict: 1, done: 1 })
      expect(await replay([events[1]!])).toBe(1)
      expect((await stats()).events.byState).toMatchObject({ conflict: 0, pending: 1 })
      const [job] = await claimJobs()
      expect(Buffer.from(job!.payload).toString()).toBe(other.payload)
      await tested.store.commit({ pages: [], progress: [], jobs: [endedJob(job!, DONE)] })
      expect((await tested.store.archive.getEvent(String(events[1])))?.state).toBe('done')
      const found = await tested.store.archive.listEvents({ eventId: event.eventId ?? '' })
      expect(found.rows).toHaveLength(2)
      expect(await keep(tested.store, [other, event])).toMatchObject({ duplicates: 2 })
    })
    it('runs a stale event when it is named', async () => {
      const stale = sampleEvent({ verdict: 'stale', handlers: [] })
      const { events } = await keep(tested.store, [stale])
      expect((await stats()).events.byState).toMatchObject({ stale: 1, pending: 0 })
      expect(await replay(events)).toBe(1)
      expect((await stats()).events.byState).toMatchObject({ stale: 0, pending: 1 })
      expect((await claimAll()).events).toEqual(events)
    })
    it('runs a dead event again whose body is gone, from the bytes that its job carries', async () => {
      const event = sampleEvent()
      const { events } = await keep(tested.store, [event, sampleEvent()], { receivedAt: 1_000 })
      const [run] = await claimRuns()
      const progress = [progressOf(run!, DEAD, [events[0]!]), partOf(run!, { done: [events[1]!] })]
      await tested.store.commit({ pages: [], progress, jobs: [] })
      const request = { eventsBefore: 2_000, deadBefore: 500, keysBefore: 0 }
      await pruneAll(tested.store, request)
      expect(await replay(events)).toBe(1)
      const [job] = await claimJobs()
      expect(Buffer.from(job!.payload).toString()).toBe(event.payload)
      expect(job?.batch).toMatchObject({ source: 'mailtrap', receivedAt: 1_000 })
    })
    it('answers 0 for an event that is not there', async () => {
      const [event] = await keepDone(1)
      expect(await replay([4_711, event! + 1, event! + 2 ** 20])).toBe(0)
      expect(await tested.store.replay([])).toBe(0)
      expect(await counts()).toEqual({ pending: 0, done: 1, dead: 0 })
    })
  })
}
