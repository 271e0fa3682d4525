import { describe, expect, it } from 'vitest'
import { eventIdOf } from '../../../src/store/event-id.ts'
import type { EndedJob, OpenRun, RunProgress } from '../../../src/store/store.ts'
import {
  claimOf,
  eventsOf,
  keep,
  partOf,
  progressOf,
  sampleEvent,
  sampleEvents,
  samplePiece,
  TOOK_MS,
  textsOf,
} from '../sample-rows.ts'
import { type StoreHarness, storeForEachTest } from '../store-harness.ts'

const DONE = { kind: 'done' } as const
const RELEASED = { kind: 'released' } as const
const ALONE = { kind: 'alone', error: 'interrupted' } as const

/** How every engine hands out the events of a page together, and what it makes of their ends. */
export function describeRuns(engine: string, harness: StoreHarness): void {
  describe(`runs in a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const claim = (handler = 'counter', leaseMs?: number) =>
      tested.store.claimRuns(claimOf(handler, 10_000, leaseMs))
    const claimJobs = (handler = 'counter') => tested.store.claimJobs(claimOf(handler))
    const commit = async (progress: readonly RunProgress[], jobs: readonly EndedJob[] = []) =>
      (await tested.store.commit({ pages: [], progress, jobs })).refused
    const counts = async (handler = 'counter') => (await tested.store.archive.stats()).jobs[handler]
    const jobOf = async (event: number | undefined, handler = 'counter') =>
      (await tested.store.archive.getEvent(String(event)))?.jobs.find(
        (job) => job.handler === handler,
      )
    const stateOf = async (event: number | undefined) =>
      (await tested.store.archive.getEvent(String(event)))?.state

    /** A run of so many events, claimed. */
    async function openRun(count: number, leaseMs?: number): Promise<OpenRun> {
      await keep(tested.store, sampleEvents(count))
      const runs = await claim('counter', leaseMs)
      expect(runs).toHaveLength(1)
      return runs[0]!
    }

    it('makes one for each handler that wants any event of the page, and none for others', async () => {
      const both = ['counter', 'other']
      const { runs } = await keep(tested.store, [
        sampleEvent({ handlers: both }),
        sampleEvent({ handlers: [] }),
        sampleEvent({ handlers: ['counter'] }),
      ])
      expect(runs.map(({ handler }) => handler).sort()).toEqual(both)
      expect((await keep(tested.store, sampleEvents(2, { handlers: [] }))).runs).toEqual([])
      expect((await claim('counter')).map(({ events }) => events.length)).toEqual([2])
      expect((await claim('other')).map(({ events }) => events.length)).toEqual([1])
      expect(await claim('nobody')).toEqual([])
      expect((await tested.store.archive.stats()).jobs).toEqual({
        counter: { pending: 2, done: 0, dead: 0 },
        other: { pending: 1, done: 0, dead: 0 },
      })
    })
    it('hands out all that the attempts need, the bytes of each event by its place in the body', async () => {
      const events = [
        sampleEvent(),
        sampleEvent({ type: 'click', payload: '{"event":"click","é":1}' }),
      ]
      const { batch, runs } = await keep(tested.store, [events[0]!, samplePiece(), events[1]!], {
        source: 'audit',
        receivedAt: 5_000,
      })
      const [run] = await claim()
      const { seq, id } = batch
      expect({ ...run, body: undefined, events: [] }).toEqual({
        run: runs[0]?.run,
        handler: 'counter',
        fence: expect.any(Number),
        opened: 1,
        batch: { seq, id, source: 'audit', provider: 'mailtrap', receivedAt: 5_000 },
        body: undefined,
        events: [],
      })
      const texts = textsOf(run!)
      const read = run!.events.map(({ keys, keyAt, event, type }, index) => ({
        event,
        type,
        key: Buffer.from(keys.subarray(keyAt, keyAt + 16)).toString('hex'),
        payload: texts[index],
      }))
      expect(read).toEqual(
        events.map(({ key, payload, type }, index) => ({
          event: eventIdOf(seq, index * 2),
          type,
          key: Buffer.from(key).toString('hex'),
          payload,
        })),
      )
    })
    it('hands out each to one claimer, whole and the oldest first', async () => {
      for (let n = 0; n < 5; n++) await keep(tested.store, sampleEvents(10))
      const limited = () => tested.store.claimRuns(claimOf('counter', 25))
      const claimed = [await limited(), await limited(), await limited(), await limited()]
      expect(claimed.map((runs) => runs.length)).toEqual([2, 2, 1, 0])
      const events = claimed.flat().flatMap(eventsOf)
      expect(new Set(events).size).toBe(50)
      expect(events).toEqual([...events].sort((a, b) => a - b))
    })
    it('hands out the first whatever its size, in events and in bytes', async () => {
      const payload = `{"event":"open","text":"${'x'.repeat(5_000)}"}`
      for (let n = 0; n < 3; n++)
        await keep(tested.store, [sampleEvent(), sampleEvent({ payload })])
      const one = { handler: 'counter', leaseMs: 60_000 }
      expect(await tested.store.claimRuns({ ...one, events: 1, bytes: 2 ** 40 })).toHaveLength(1)
      expect(await tested.store.claimRuns({ ...one, events: 500, bytes: 1 })).toHaveLength(1)
    })
    it('gives each of several claimers at once runs of its own', async () => {
      for (let n = 0; n < 6; n++) await keep(tested.store, sampleEvents(3))
      const claimers = Array.from({ length: 4 }, () =>
        tested.store.claimRuns(claimOf('counter', 6)),
      )
      const runs = (await Promise.all(claimers)).flat()
      const rest = await claim()
      expect(new Set([...runs, ...rest].map(({ run }) => run)).size).toBe(6)
      expect(runs.length + rest.length).toBe(6)
    })
    it('hands out a run again, opened once more, when its holder has died', async () => {
      const first = await openRun(3, 0)
      await tested.holderDies()
      const [again] = await claim()
      expect(again).toMatchObject({ run: first.run, opened: 2 })
      expect(again?.fence).not.toBe(first.fence)
      expect(eventsOf(again!)).toEqual(eventsOf(first))
      expect(await claim()).toEqual([])
    })
    it('keeps what was told before its holder died, and hands out the rest', async () => {
      const run = await openRun(5, 0)
      const [a, b, c, d, e] = eventsOf(run)
      await commit([partOf(run, { done: [b!, d!] })])
      expect(await counts()).toEqual({ pending: 3, done: 2, dead: 0 })
      await tested.holderDies()
      expect(await counts()).toEqual({ pending: 3, done: 2, dead: 0 })
      const [again] = await claim()
      expect(eventsOf(again!)).toEqual([a, c, e])
    })
    it('takes no outcome of a holder that somebody else came after, and changes nothing by it', async () => {
      const late = await openRun(3, 0)
      await tested.holderDies()
      const [run] = await claim()
      const before = await tested.store.archive.listJobs({})
      const [a, b] = eventsOf(late)
      expect(await commit([partOf(late, { done: [a!] })])).toBeGreaterThan(0)
      const gone = { kind: 'dead', error: 'late' } as const
      expect(await commit([progressOf(late, gone, [b!])])).toBeGreaterThan(0)
      await commit([progressOf(late, RELEASED)])
      expect(await tested.store.archive.listJobs({})).toEqual(before)
      expect(await claim()).toEqual([])
      expect(await claimJobs()).toEqual([])
      expect(await commit([progressOf(run!, DONE)])).toBe(0)
      expect(await counts()).toEqual({ pending: 0, done: 3, dead: 0 })
    })
    it('takes progress in parts, until nothing is open', async () => {
      const run = await openRun(6)
      const events = eventsOf(run)
      for (const [index, event] of events.entries()) {
        expect(await commit([partOf(run, { done: [event] })])).toBe(0)
        expect(await counts()).toEqual({ pending: 5 - index, done: index + 1, dead: 0 })
        expect(await stateOf(event)).toBe('done')
      }
      await tested.holderDies()
      expect(await claim()).toEqual([])
    })
    it('takes the end of an event once, whatever is told again', async () => {
      const run = await openRun(3)
      const [a, b] = eventsOf(run)
      await commit([partOf(run, { done: [a!] }), partOf(run, { done: [a!] })])
      await commit([partOf(run, { done: [a!, a!] })])
      await commit([progressOf(run, { kind: 'dead', error: 'late' }, [a!])])
      expect(await counts()).toEqual({ pending: 2, done: 1, dead: 0 })
      await commit([progressOf(run, { kind: 'dead', error: 'gone' }, [b!])])
      await commit([partOf(run, { done: [b!] })])
      await commit([progressOf(run, { kind: 'dead', error: 'again' }, [b!])])
      expect(await counts()).toEqual({ pending: 1, done: 1, dead: 1 })
      expect(await jobOf(b)).toMatchObject({ state: 'dead', attempts: [{ error: 'gone' }] })
    })
    it('believes nothing of events that are not of the run', async () => {
      await keep(tested.store, [sampleEvent({ handlers: ['other'] }), sampleEvent()])
      const foreign = await keep(tested.store, sampleEvents(1))
      const [run] = await claim()
      const own = eventsOf(run!)[0]!
      const alien = [own - 1, own + 1, own + 900, foreign.events[0]!]
      await commit([partOf(run!, { done: alien })])
      await commit([progressOf(run!, { kind: 'dead', error: 'x' }, alien)])
      expect((await tested.store.archive.stats()).jobs).toEqual({
        counter: { pending: 2, done: 0, dead: 0 },
        other: { pending: 1, done: 0, dead: 0 },
      })
      expect(await commit([progressOf(run!, DONE)])).toBe(0)
      expect(await counts()).toEqual({ pending: 1, done: 1, dead: 0 })
    })
    it('hands out again what is still open of a run that was given back', async () => {
      const run = await openRun(4)
      const [a, b, c, d] = eventsOf(run)
      await commit([partOf(run, { done: [a!], isGivenBack: true })])
      const [again] = await claim()
      expect(again?.run).toBe(run.run)
      expect(eventsOf(again!)).toEqual([b, c, d])
      expect(await commit([partOf(run, { done: [b!] })])).toBeGreaterThan(0)
      expect(await commit([progressOf(again!, DONE)])).toBe(0)
      expect(await counts()).toEqual({ pending: 0, done: 4, dead: 0 })
    })
    it('tells when an event that was simply done ended, and how long it took', async () => {
      const run = await openRun(2)
      const [a, b] = eventsOf(run)
      const before = Date.now()
      await commit([{ ...partOf(run, { done: [a!, b!] }), doneMs: [7, 125_000] }])
      const tell = async (event: number) => {
        const job = await jobOf(event)
        expect(job).toMatchObject({ state: 'done', attempt: 1, lastError: undefined })
        expect(job?.attempts).toHaveLength(1)
        return job?.attempts[0]
      }
      const [one, other] = [await tell(a!), await tell(b!)]
      expect(one).toEqual({
        attempt: 1,
        outcome: 'done',
        endedAt: expect.any(Number),
        durationMs: 7,
        error: undefined,
      })
      expect(one?.endedAt).toBeGreaterThan(before - 1_000)
      expect(one?.endedAt).toBeLessThan(Date.now() + 1_000)
      expect(other?.durationMs).toBe(125_000)
    })
    it('keeps the times of what was done when more is done later, also after a restart', async () => {
      const run = await openRun(3, 0)
      const [a, b] = eventsOf(run)
      await commit([{ ...partOf(run, { done: [a!] }), doneMs: [7] }])
      const told = await jobOf(a)
      await commit([{ ...partOf(run, { done: [b!] }), doneMs: [9] }])
      await tested.holderDies()
      const [again] = await claim()
      await commit([progressOf(again!, DONE)])
      await tested.restart()
      expect((await jobOf(a))?.attempts[0]?.durationMs).toBe(7)
      expect((await jobOf(b))?.attempts[0]?.durationMs).toBe(9)
      const endedAt = (await jobOf(a))?.attempts[0]?.endedAt ?? 0
      expect(Math.abs(endedAt - (told?.attempts[0]?.endedAt ?? 0))).toBeLessThan(5_000)
    })
    it('makes a job of an event that failed, with its bytes, attempt and error', async () => {
      const event = sampleEvent({ type: 'click', payload: '{"event":"click","é":"\\u0000"}' })
      const { batch } = await keep(tested.store, [sampleEvent(), event])
      const [run] = await claim()
      const [, failing] = eventsOf(run!)
      const retry = { kind: 'retry', error: 'busy', delayMs: 0 } as const
      expect(await commit([progressOf(run!, retry, [failing!])])).toBe(0)
      expect(await jobOf(failing)).toMatchObject({
        state: 'pending',
        attempt: 1,
        lastError: 'busy',
        attempts: [{ attempt: 1, outcome: 'retry', error: 'busy', durationMs: TOOK_MS }],
      })
      const [job] = await claimJobs()
      const { seq, id, source, provider, receivedAt } = batch
      expect(job).toEqual({
        event: failing,
        handler: 'counter',
        attempt: 2,
        counted: 2,
        fence: expect.any(Number),
        isAlone: false,
        batch: { seq, id, source, provider, receivedAt },
        key: expect.anything(),
        type: 'click',
        payload: expect.anything(),
      })
      expect(Buffer.from(job!.payload).toString()).toBe(event.payload)
      expect(Buffer.from(job!.key).toString('hex')).toBe(Buffer.from(event.key).toString('hex'))
      expect(await claimJobs()).toEqual([])
      expect(await counts()).toEqual({ pending: 2, done: 0, dead: 0 })
    })
    it('takes what is done and what failed of a run together', async () => {
      const run = await openRun(5)
      const [a, b, c, d, e] = eventsOf(run)
      const fail = (event: number | undefined, outcome: { kind: 'dead'; error: string }) => ({
        event: event!,
        durationMs: 4,
        outcome,
      })
      const failed = [
        fail(b, { kind: 'dead', error: 'one' }),
        fail(d, { kind: 'dead', error: 'two' }),
      ]
      expect(await commit([partOf(run, { done: [a!, c!], failed })])).toBe(0)
      expect(await counts()).toEqual({ pending: 1, done: 2, dead: 2 })
      const states = await Promise.all([a, b, c, d, e].map(stateOf))
      expect(states).toEqual(['done', 'dead', 'done', 'dead', 'pending'])
      await tested.holderDies()
      await tested.restart()
      expect(await Promise.all([a, b, c, d, e].map(stateOf))).toEqual(states)
    })
    it('counts only the last opening of an event whose holders died before', async () => {
      await openRun(1, 0)
      await tested.holderDies()
      const [run] = await claim()
      await commit([progressOf(run!, { kind: 'retry', error: 'busy', delayMs: 0 })])
      expect(await claimJobs()).toMatchObject([{ attempt: 3, counted: 2 }])
    })
    it('hands out alone, and uncounted, what may have ended its process', async () => {
      const run = await openRun(2)
      const [a, b] = eventsOf(run)
      const alone = { kind: 'alone', error: 'the process ended' } as const
      expect(await commit([progressOf(run, alone, [a!])])).toBe(0)
      expect(await claimJobs()).toMatchObject([{ event: a, isAlone: true, attempt: 2, counted: 1 }])
      expect(await jobOf(a)).toMatchObject({ state: 'pending', lastError: alone.error })
      expect(await stateOf(b)).toBe('pending')
    })
    it('spares an attempt of a run that counts for no schedule', async () => {
      const run = await openRun(1)
      const retry = { kind: 'retry', error: 'away', delayMs: 0, isSpared: true } as const
      await commit([progressOf(run, retry)])
      expect(await claimJobs()).toMatchObject([{ attempt: 2, counted: 1, isAlone: false }])
    })
    it('counts no opening whose holder gave the rest back, and refuses him from then on', async () => {
      const first = await openRun(3)
      const [a, b, c] = eventsOf(first)
      await commit([partOf(first, { done: [a!], isGivenBack: true })])
      expect(await jobOf(a)).toMatchObject({
        state: 'done',
        attempt: 1,
        attempts: [{ attempt: 1 }],
      })
      expect(await jobOf(b)).toMatchObject({ state: 'pending', attempt: 0, attempts: [] })
      for (let stop = 0; stop < 3; stop++) {
        const [run] = await claim()
        expect(run).toMatchObject({ run: first.run, opened: 1 })
        expect(run?.fence).not.toBe(first.fence)
        expect(await commit([partOf(first, { done: [b!] })])).toBe(1)
        await commit([progressOf(run!, RELEASED)])
      }
      const [run] = await claim('counter', 0)
      expect(eventsOf(run!)).toEqual([b, c])
      const retry = { kind: 'retry', error: 'away', delayMs: 0, isSpared: false } as const
      await commit([partOf(run!, { failed: [{ event: b!, durationMs: TOOK_MS, outcome: retry }] })])
      expect(await claimJobs()).toMatchObject([{ event: b, attempt: 2, counted: 2 }])
      await tested.holderDies()
      expect(await claim()).toMatchObject([{ run: first.run, opened: 2 }])
    })
    it('counts once that a run was given back, also when it is told again', async () => {
      await openRun(2, 0)
      await tested.holderDies()
      const [run] = await claim()
      expect(run?.opened).toBe(2)
      // The answer to the first may have been lost.
      for (let told = 0; told < 2; told++) await commit([progressOf(run!, RELEASED)])
      expect(await claim()).toMatchObject([{ run: run?.run, opened: 2 }])
    })
    it('makes a job, to run alone, uncounted, of each open event of a run whose holders died three times', async () => {
      const first = await openRun(4, 0)
      const [a, b, c, d] = eventsOf(first)
      await commit([partOf(first, { done: [b!] })])
      for (let opened = 2; opened <= 3; opened++) {
        await tested.holderDies()
        const [run] = await claim('counter', 0)
        expect(run?.opened).toBe(opened)
      }
      await tested.holderDies()
      const [run] = await claim()
      expect(run?.opened).toBe(4)
      await commit([progressOf(run!, ALONE)])
      expect(await counts()).toEqual({ pending: 3, done: 1, dead: 0 })
      const jobs = await claimJobs()
      expect(jobs.map(({ event }) => event)).toEqual([a, c, d])
      expect(jobs.map(({ isAlone, counted }) => ({ isAlone, counted }))).toEqual(
        jobs.map(() => ({ isAlone: true, counted: 1 })),
      )
      expect((await jobOf(a))?.attempts).toMatchObject([
        { outcome: 'retry', error: expect.stringMatching(/^interrupted/) },
      ])
      await commit([partOf(run!, { done: [a!] })])
      expect(await counts()).toEqual({ pending: 3, done: 1, dead: 0 })
      await tested.holderDies()
      expect(await claim()).toEqual([])
    })
    it('ends no run for somebody who does not hold it any more', async () => {
      const late = await openRun(2, 0)
      await tested.holderDies()
      const [run] = await claim()
      expect(await commit([progressOf(late, ALONE)])).toBe(2)
      expect(await claimJobs()).toEqual([])
      expect(await commit([progressOf(run!, DONE)])).toBe(0)
      expect(await counts()).toEqual({ pending: 0, done: 2, dead: 0 })
    })
    it('hands those who ask for it their run at once', async () => {
      const both = ['counter', 'other']
      const kept = await keep(tested.store, sampleEvents(3, { handlers: both }), {
        opensFor: ['counter'],
      })
      const own = kept.runs.find(({ handler }) => handler === 'counter')
      expect(await claim('counter')).toEqual([])
      expect(await claim('other')).toMatchObject([{ opened: 1 }])
      const held = { run: own!.run, handler: 'counter', fence: own!.fence, batch: kept.batch }
      expect(await commit([partOf(held, { done: [kept.events[0]!] })])).toBe(0)
      expect(await commit([partOf(held, { isGivenBack: true })])).toBe(0)
      const [again] = await claim('counter')
      expect(again).toMatchObject({ run: own?.run, opened: 1 })
      expect(again?.fence).not.toBe(held.fence)
      expect(eventsOf(again!)).toEqual(kept.events.slice(1))
    })
    it('hands out a run that was opened at once again when its holder has died', async () => {
      const kept = await keep(tested.store, sampleEvents(2), { opensFor: ['counter'] })
      if (harness.keepsLeases) {
        const held = kept.runs.map(({ run, fence }) => ({ run, fence }))
        await tested.store.extend({ batches: [], runs: held, jobs: [] }, 0)
      }
      await tested.restart()
      expect(await claim()).toMatchObject([{ run: kept.runs[0]?.run, opened: 2 }])
    })
    it('keeps the lease of a run that is extended, by its holder only', async () => {
      if (!harness.keepsLeases) return
      const late = await openRun(1, 0)
      const extend = ({ run, fence }: OpenRun, leaseMs: number) =>
        tested.store.extend({ batches: [], runs: [{ run, fence }], jobs: [] }, leaseMs)
      await extend(late, 60_000)
      expect(await claim()).toEqual([])
      await extend(late, 0)
      const [run] = await claim()
      await extend(late, 0)
      expect(await claim()).toEqual([])
      expect(await commit([progressOf(run!, DONE)])).toBe(0)
    })
    it('holds an event pending until every handler has ended, then dead if one is', async () => {
      const { events } = await keep(tested.store, [sampleEvent({ handlers: ['counter', 'other'] })])
      const [run] = await claim('counter')
      await commit([progressOf(run!, { kind: 'dead', error: 'x' })])
      expect(await stateOf(events[0])).toBe('pending')
      const [other] = await claim('other')
      await commit([progressOf(other!, DONE)])
      expect(await stateOf(events[0])).toBe('dead')
      expect((await tested.store.archive.stats()).events.byState).toMatchObject({
        dead: 1,
        done: 0,
        pending: 0,
      })
    })
    it('makes a run that covers the span of a page, from its first position to the last', async () => {
      const far = samplePiece({ pieces: 495 })
      const { events } = await keep(tested.store, [sampleEvent(), far, ...sampleEvents(3)])
      const [run] = await claim()
      expect(eventsOf(run!)).toEqual(events)
      await commit([partOf(run!, { done: [events[0]!, events[3]!] })])
      await tested.holderDies()
      expect(await Promise.all(events.map(stateOf))).toEqual(['done', 'pending', 'pending', 'done'])
    })
  })
}
