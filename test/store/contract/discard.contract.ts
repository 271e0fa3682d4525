import { describe, expect, it } from 'vitest'
import type { SettledState } from '../../../src/store/store.ts'
import {
  claimOf,
  endAll,
  keep,
  partOf,
  progressOf,
  pruneAll,
  sampleEvent,
  sampleEvents,
} from '../sample-rows.ts'
import { type StoreHarness, storeForEachTest } from '../store-harness.ts'

const DEAD = { kind: 'dead', error: 'no such list' } as const
const DONE = { kind: 'done' } as const
const REASON = 'The list was given up: “spring” €'

/** How every engine settles dead jobs for good. */
export function describeDiscard(engine: string, harness: StoreHarness): void {
  describe(`discard in a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const named = (events: readonly number[], handler = 'counter') =>
      events.map((event) => ({ event: String(event), handler }))
    const discard = (events: readonly number[], reason = REASON, handler = 'counter') =>
      tested.store.discard(named(events, handler), reason)
    const replay = (events: readonly number[], only?: SettledState) =>
      tested.store.replay(named(events), only)
    const stats = () => tested.store.archive.stats()
    const counts = async () => (await stats()).jobs['counter']
    const list = async (state: 'dead' | 'discarded', handler?: string) =>
      (await tested.store.archive.listJobs({ state, ...(handler && { handler }) })).rows
    const jobsOf = async (event: number) =>
      (await tested.store.archive.getEvent(String(event)))?.jobs
    async function prune(request: { eventsBefore: number; deadBefore: number }) {
      const all = { ...request, keysBefore: 0 }
      await pruneAll(tested.store, all)
    }

    it('settles dead jobs with when and why, and no other job', async () => {
      const { events } = await keep(tested.store, sampleEvents(5))
      const [run] = await tested.store.claimRuns(claimOf('counter'))
      const [a, b, c, d] = events as [number, number, number, number]
      const later = { kind: 'retry', error: 'later', delayMs: 3_600_000 } as const
      const progress = [
        partOf(run!, { done: [a] }),
        progressOf(run!, DEAD, [b, c]),
        progressOf(run!, later, [d]),
      ]
      await tested.store.commit({ pages: [], progress, jobs: [] })

      expect(await discard(events)).toBe(2)

      await tested.restart()
      expect(await counts()).toEqual({ pending: 2, done: 1, dead: 0, discarded: 2 })
      expect((await stats()).events.byState).toMatchObject({ pending: 2, done: 3, dead: 0 })
      const discarded = { at: expect.any(Number), reason: REASON }
      const attempts = [{ attempt: 1, outcome: 'dead', error: 'no such list' }]
      const job = { state: 'discarded', attempt: 1, lastError: 'no such list', attempts, discarded }
      expect(await jobsOf(b)).toMatchObject([job])
      expect((await tested.store.archive.getEvent(String(b)))?.state).toBe('done')
      expect((await jobsOf(d))?.[0]).toMatchObject({ state: 'pending', attempt: 1 })
      expect((await jobsOf(d))?.[0]?.discarded).toBeUndefined()
    })

    it('changes nothing of what is discarded already, nor of what is not there', async () => {
      const { events } = await keep(tested.store, sampleEvents(1))
      await endAll(tested.store, DEAD)
      expect(await discard(events)).toBe(1)
      const before = await jobsOf(events[0]!)

      expect(await discard(events, 'another')).toBe(0)
      expect(await discard([4_711, events[0]! + 1])).toBe(0)
      expect(await discard(events, 'another', 'nobody')).toBe(0)
      expect(await tested.store.discard([], 'another')).toBe(0)

      expect(await jobsOf(events[0]!)).toEqual(before)
      expect(await counts()).toMatchObject({ discarded: 1 })
    })

    it('lists the discarded, of a handler or of all, and no more among the dead', async () => {
      const handlers = ['counter', 'other']
      const { events } = await keep(tested.store, sampleEvents(3, { handlers }))
      for (const handler of handlers) await endAll(tested.store, DEAD, handler)
      await discard(events.slice(0, 2))
      await discard(events.slice(2), REASON, 'other')

      const names = async (handler?: string) =>
        (await list('discarded', handler)).map((job) => `${job.event} ${job.handler}`)
      const [a, b, c] = events
      expect(await names()).toEqual([`${c} other`, `${b} counter`, `${a} counter`])
      expect(await names('counter')).toEqual([`${b} counter`, `${a} counter`])
      expect(await list('dead', 'counter')).toMatchObject([{ event: String(c) }])
      const first = await tested.store.archive.listJobs({ state: 'discarded', limit: 2 })
      const cursor = first.cursor ?? ''
      const second = await tested.store.archive.listJobs({ state: 'discarded', limit: 2, cursor })
      expect([...first.rows, ...second.rows]).toHaveLength(3)
      // The event is dead as long as any of its jobs is.
      expect((await stats()).events.byState).toMatchObject({ dead: 3, done: 0 })
    })

    it('runs a discarded job again only when the discarded are asked for', async () => {
      const { events } = await keep(tested.store, sampleEvents(2))
      await endAll(tested.store, DEAD)
      await discard(events)
      for (const only of [undefined, 'done', 'dead'] as const) {
        expect(await replay(events, only), String(only)).toBe(0)
      }

      expect(await replay(events.slice(0, 1), 'discarded')).toBe(1)
      expect(await counts()).toEqual({ pending: 1, done: 0, dead: 0, discarded: 1 })
      const [job] = await tested.store.claimJobs(claimOf('counter'))
      expect(job).toMatchObject({ event: events[0], attempt: 1, counted: 1 })
    })

    it('tells of the newest discard of a job that was replayed and died again', async () => {
      const { events } = await keep(tested.store, sampleEvents(1))
      for (const reason of ['first', 'second']) {
        await endAll(tested.store, DEAD)
        expect(await discard(events, reason)).toBe(1)
        expect(await jobsOf(events[0]!)).toMatchObject([{ discarded: { reason } }])
        if (reason === 'first') await replay(events, 'discarded')
      }
      await replay(events, 'discarded')
      await endAll(tested.store, DONE)
      expect(await jobsOf(events[0]!)).toMatchObject([{ state: 'done' }])
      expect(await counts()).toEqual({ pending: 0, done: 1, dead: 0 })
    })

    it('forgets discarded jobs with their events, not as late as dead ones', async () => {
      const old = await keep(tested.store, sampleEvents(2), { receivedAt: 1_000 })
      const young = await keep(tested.store, sampleEvents(1), { receivedAt: 3_000 })
      await endAll(tested.store, DEAD)
      await discard([old.events[0]!, ...young.events])

      await prune({ eventsBefore: 2_000, deadBefore: 500 })

      expect(await counts()).toEqual({ pending: 0, done: 0, dead: 1, discarded: 1 })
      expect((await stats()).events.total).toBe(2)
      expect(await list('discarded')).toMatchObject([{ event: String(young.events[0]) }])
    })

    it('forgets a job that was discarded after its batch was forgotten', async () => {
      const { events } = await keep(tested.store, sampleEvents(1), { receivedAt: 1_000 })
      await endAll(tested.store, DEAD)
      await prune({ eventsBefore: 2_000, deadBefore: 500 })
      expect(await discard(events)).toBe(1)

      await prune({ eventsBefore: 2_000, deadBefore: 500 })

      expect((await stats()).events.total).toBe(0)
      expect((await stats()).jobs).toEqual({})
    })

    it('erases a person from a reason, and keeps that and when it was discarded', async () => {
      const { events } = await keep(tested.store, [sampleEvent({ payload: '{"event":"open"}' })])
      await endAll(tested.store, { kind: 'dead', error: 'no list' })
      await discard(events, 'Ann@example.com asked for it')
      const [before] = (await jobsOf(events[0]!)) ?? []

      let errors = 0
      for (let after: string | undefined, isFirst = true; isFirst || after; isFirst = false) {
        const traces = ['ann@example.com']
        const receipt = await tested.store.erase({ traces, ...(after && { after }) })
        errors += receipt.errors
        after = receipt.after
      }

      expect(errors).toBe(1)
      expect(await jobsOf(events[0]!)).toEqual([
        { ...before, discarded: { ...before?.discarded, reason: 'Erased: it told of a person.' } },
      ])
    })

    it('takes erased events with discarded jobs out of the counts', async () => {
      const { events } = await keep(tested.store, [
        sampleEvent({ recipient: 'ann@example.com' }),
        sampleEvent(),
      ])
      await endAll(tested.store, DEAD)
      await discard(events)
      for (let after: string | undefined, isFirst = true; isFirst || after; isFirst = false) {
        const traces = ['ann@example.com']
        after = (await tested.store.erase({ traces, ...(after && { after }) })).after
      }
      expect(await counts()).toEqual({ pending: 0, done: 0, dead: 0, discarded: 1 })
    })
  })
}
