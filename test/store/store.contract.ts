import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type {
  AttemptName,
  ClaimedJob,
  Outcome,
  SettledAttempt,
  UnpackedEvent,
} from '../../src/model.ts'
import type { Store } from '../../src/store/store.ts'
import { sampleBatch, sampleEvent, sampleUnreadable, wholeChunk } from './sample-rows.ts'

/** What a suite needs of an engine. */
export interface StoreHarness {
  /** A store on nothing yet. */
  open(): Promise<Store>
  /** Closes the store and opens what it left, as a restart does. */
  reopen(store: Store): Promise<Store>
  /** Closes the store and removes all it left. */
  dispose(store: Store): Promise<void>
}

const LEASE_MS = 60_000
const FOREVER = Number.MAX_SAFE_INTEGER

/** What every engine must do; each engine's own test file runs it. */
export function describeStore(engine: string, harness: StoreHarness): void {
  describe(`a store on ${engine}`, () => {
    let store: Store
    beforeEach(async () => {
      store = await harness.open()
    })
    afterEach(() => harness.dispose(store))

    /** Takes events through journal and unpacking, as one batch. */
    async function keep(events: readonly UnpackedEvent[], batch = sampleBatch()) {
      await store.append(batch)
      const receipt = await store.commitChunk(wholeChunk(batch.id, { events }))
      return { batch, receipt }
    }
    const claim = (limit = 100, handler = 'counter', leaseMs = LEASE_MS) =>
      store.claim({ handler, limit, leaseMs })
    const settle = (jobs: readonly ClaimedJob[], outcome: Outcome) =>
      store.settle(jobs.map((job): SettledAttempt => ({ ...pick(job), durationMs: 3, outcome })))
    const pick = ({ event, handler, attempt, fence }: ClaimedJob): AttemptName => ({
      event,
      handler,
      attempt,
      fence,
    })
    async function onlyEvent() {
      const { rows } = await store.listEvents({})
      expect(rows).toHaveLength(1)
      return store.getEvent(rows[0]?.id ?? '')
    }

    describe('the journal', () => {
      it('gives back the very bytes and facts that were appended', async () => {
        const batch = sampleBatch({ body: Buffer.from([0, 255, 10, 13, 0xef, 0xbb, 0xbf]) })
        await store.append({ ...batch, body: Buffer.from(batch.body) })
        const taken = await store.takeBatch(LEASE_MS)
        expect({ ...taken, body: Buffer.from(taken?.body ?? []) }).toEqual({
          ...batch,
          unpackedPieces: 0,
        })
      })
      it('keeps a batch without a content type', async () => {
        await store.append(sampleBatch({ contentType: undefined }))
        expect((await store.takeBatch(LEASE_MS))?.contentType).toBeUndefined()
      })
      it('gives out batches in order of arrival, each to one taker', async () => {
        const batches = Array.from({ length: 5 }, () => sampleBatch())
        for (const batch of batches) await store.append(batch)
        const taken = []
        for (
          let batch = await store.takeBatch(LEASE_MS);
          batch;
          batch = await store.takeBatch(LEASE_MS)
        ) {
          taken.push(batch.id)
        }
        expect(taken).toEqual(batches.map(({ id }) => id))
      })
      it('gives out a batch again once its lease has ended', async () => {
        await store.append(sampleBatch())
        const first = await store.takeBatch(1)
        await expect.poll(() => store.takeBatch(1)).toMatchObject({ id: first?.id })
      })
      it('keeps a batch that is appended twice once', async () => {
        const batch = sampleBatch()
        await store.append({ ...batch, body: Buffer.from(batch.body) })
        await store.append({ ...batch, body: Buffer.from(batch.body) })
        expect((await store.stats()).batches).toEqual({ received: 1, waiting: 1 })
      })
      it('keeps batches that are appended at once, and over a restart', async () => {
        const batches = Array.from({ length: 50 }, () => sampleBatch())
        await Promise.all(batches.map((batch) => store.append(batch)))
        store = await harness.reopen(store)
        expect((await store.stats()).batches).toEqual({ received: 50, waiting: 50 })
      })
      it('hints that there are batches', async () => {
        const hints: string[] = []
        const stop = store.onHint((hint) => hints.push(hint))
        await store.append(sampleBatch())
        await expect.poll(() => hints).toContain('batches')
        stop()
      })
      it('proves that a write reaches the disk', async () => {
        await expect(store.probe()).resolves.toBeUndefined()
      })
    })

    describe('unpacking', () => {
      it('closes the batch with its last chunk', async () => {
        await keep([sampleEvent()])
        expect(await store.takeBatch(LEASE_MS)).toBeUndefined()
        expect((await store.stats()).batches.waiting).toBe(0)
      })
      it('goes on after the pieces that are stored already', async () => {
        const batch = sampleBatch()
        await store.append(batch)
        const first = wholeChunk(batch.id, { events: [sampleEvent()], toPiece: 1, isLast: false })
        await store.commitChunk(first)
        expect((await store.takeBatch(1))?.unpackedPieces).toBe(1)
      })
      it('refuses a chunk of pieces that somebody else has stored', async () => {
        const batch = sampleBatch()
        await store.append(batch)
        const chunk = wholeChunk(batch.id, { events: [sampleEvent()], isLast: false })
        expect(await store.commitChunk(chunk)).toMatchObject({ stored: 1 })
        expect(await store.commitChunk({ ...chunk, events: [sampleEvent()] })).toBeUndefined()
        expect((await store.stats()).events.total).toBe(1)
      })
      it('refuses a chunk of a closed or unknown batch', async () => {
        const { batch } = await keep([])
        expect(await store.commitChunk(wholeChunk(batch.id))).toBeUndefined()
        expect(await store.commitChunk(wholeChunk(randomUUID()))).toBeUndefined()
      })
      it('keeps every field of an event, and the exact text', async () => {
        const payload =
          '{ "event":"open",\r\n "n":9007199254740993, "t":"\\u0000 \\ud800 \u{1f389}" }'
        const event = sampleEvent({ payload, position: 7 })
        const { batch } = await keep([event])
        expect(await onlyEvent()).toMatchObject({
          batch: batch.id,
          position: 7,
          source: 'mailtrap',
          provider: 'mailtrap',
          type: 'open',
          name: 'email.opened',
          state: 'pending',
          eventId: event.eventId,
          recipient: 'user1@example.com',
          messageId: event.messageId,
          occurredAt: 1_768_651_200_000,
          receivedAt: batch.receivedAt,
          payload,
        })
      })
      it('keeps an event of which hardly anything is known', async () => {
        const bare = {
          name: undefined,
          eventId: undefined,
          occurredAt: undefined,
          recipient: undefined,
        }
        await keep([{ ...sampleEvent({ messageId: undefined }), ...bare, handlers: [] }])
        const found = await onlyEvent()
        expect(found).toMatchObject({ ...bare, messageId: undefined, state: 'unhandled' })
      })
      it('quarantines unreadable pieces with reason, position and bytes', async () => {
        const batch = sampleBatch()
        await store.append(batch)
        const bytes = Buffer.from([123, 255, 0])
        const unreadable = [
          sampleUnreadable({
            reason: 'invalid_utf8',
            position: 3,
            pieces: 2,
            byteOffset: 40,
            bytes,
          }),
        ]
        const receipt = await store.commitChunk(wholeChunk(batch.id, { unreadable, toPiece: 5 }))
        expect(receipt).toEqual({
          stored: 0,
          duplicates: 0,
          conflicts: 0,
          stale: 0,
          quarantined: 2,
          types: [],
        })
        const { rows } = await store.listQuarantine({})
        expect(rows).toMatchObject([
          {
            batch: batch.id,
            source: 'mailtrap',
            reason: 'invalid_utf8',
            position: 3,
            pieces: 2,
            byteOffset: 40,
            bytes: 3,
          },
        ])
        expect(await store.getQuarantine(rows[0]?.id ?? '')).toEqual(rows[0])
        expect(await store.getQuarantine('999')).toBeUndefined()
        expect(Buffer.from((await store.quarantineBody(rows[0]?.id ?? '')) ?? [])).toEqual(bytes)
        expect(await store.quarantineBody('999')).toBeUndefined()
      })
      it('hints that there are jobs', async () => {
        const hints: string[] = []
        const stop = store.onHint((hint) => hints.push(hint))
        await keep([sampleEvent()])
        await expect.poll(() => hints).toContain('jobs')
        stop()
      })
    })

    describe('deduplication', () => {
      it('stores an event once, however often and in whatever batch it comes', async () => {
        const event = sampleEvent()
        expect((await keep([event, event])).receipt).toMatchObject({ stored: 1, duplicates: 1 })
        expect((await keep([event])).receipt).toMatchObject({ stored: 0, duplicates: 1 })
        expect(await claim()).toHaveLength(1)
        expect(await store.stats()).toMatchObject({ duplicates: 2, events: { total: 1 } })
      })
      it('remembers keys over a restart', async () => {
        const event = sampleEvent()
        await keep([event])
        store = await harness.reopen(store)
        expect((await keep([event])).receipt).toMatchObject({ stored: 0, duplicates: 1 })
      })
      it('keeps the same id with other content as a conflict, once, without a job', async () => {
        const event = sampleEvent()
        const other = {
          ...event,
          digest: 'zyxwvutsrqpo',
          payload: '{"event":"bounce"}',
          type: 'bounce',
        }
        expect((await keep([event, other])).receipt).toMatchObject({ stored: 1, conflicts: 1 })
        expect((await keep([other])).receipt).toMatchObject({ conflicts: 0, duplicates: 1 })
        expect(await claim()).toHaveLength(1)
        const { rows } = await store.listEvents({ state: 'conflict' })
        expect(rows).toMatchObject([{ type: 'bounce', state: 'conflict' }])
      })
      it('calls nothing stale before it has pruned keys', async () => {
        expect((await keep([sampleEvent({ occurredAt: 1 })])).receipt).toMatchObject({ stale: 0 })
      })
      it('keeps an event from a time whose keys were pruned as stale, without a job', async () => {
        const old = sampleBatch({ receivedAt: 1_000_000 })
        await keep([sampleEvent({ occurredAt: 900_000 })], old)
        await settle(await claim(), { kind: 'done' })
        await pruneAll({ eventsBefore: 2_000_000, deadBefore: 2_000_000, keysBefore: 2_000_000 })
        const late = sampleEvent({ occurredAt: 999_999 })
        const fresh = sampleEvent({ occurredAt: 1_000_000 })
        expect((await keep([late, fresh])).receipt).toMatchObject({ stored: 2, stale: 1 })
        expect((await store.listEvents({ state: 'stale' })).rows).toMatchObject([
          { eventId: late.eventId },
        ])
        expect(await claim()).toHaveLength(1)
      })
    })

    describe('jobs', () => {
      it('makes one job for each handler that wants the event', async () => {
        await keep([sampleEvent({ handlers: ['counter', 'other'] }), sampleEvent()])
        expect(await claim(100, 'counter')).toHaveLength(2)
        expect(await claim(100, 'other')).toHaveLength(1)
        expect(await claim(100, 'nobody')).toHaveLength(0)
      })
      it('hands out all that an attempt needs', async () => {
        const event = sampleEvent()
        const { batch } = await keep([event])
        expect(await claim()).toEqual([
          {
            event: expect.any(String),
            handler: 'counter',
            attempt: 1,
            fence: 1,
            batch: batch.id,
            provider: 'mailtrap',
            source: 'mailtrap',
            type: 'open',
            name: 'email.opened',
            key: event.key,
            receivedAt: batch.receivedAt,
            occurredAt: event.occurredAt,
            payload: event.payload,
          },
        ])
      })
      it('hands out a job to one claimer while its lease lasts, at most as many as asked for', async () => {
        await keep(Array.from({ length: 10 }, () => sampleEvent()))
        const claimed = await Promise.all([claim(4), claim(4), claim(4)])
        const events = claimed.flat().map(({ event }) => event)
        expect(claimed.map(({ length }) => length).sort()).toEqual([2, 4, 4])
        expect(new Set(events).size).toBe(10)
      })
      it('hands out a job again, with the next attempt, once its lease has ended', async () => {
        await keep([sampleEvent()])
        const [first] = await claim(1, 'counter', 1)
        await expect.poll(() => claim(1)).toMatchObject([{ event: first?.event, attempt: 2 }])
      })
      it('keeps a lease that is extended', async () => {
        await keep([sampleEvent()])
        const jobs = await claim(1, 'counter', 300)
        await store.extend(jobs.map(pick), LEASE_MS)
        const deadline = Date.now() + 500
        await expect.poll(() => Date.now(), { timeout: 5_000 }).toBeGreaterThan(deadline)
        expect(await claim()).toEqual([])
      })
      it('extends a lease that has ended while nobody else has the job', async () => {
        await keep([sampleEvent()])
        const jobs = await claim(1, 'counter', 0)
        await store.extend(jobs.map(pick), LEASE_MS)
        expect(await claim()).toEqual([])
      })
      it('extends the lease of the newest attempt only', async () => {
        await keep([sampleEvent()])
        const late = await claim(1, 'counter', 0)
        await claim()
        await store.extend(late.map(pick), 0)
        expect(await claim()).toEqual([])
      })
      it.each([
        { attempt: -1, fence: 0 },
        { attempt: 0, fence: -1 },
      ])('takes nothing of an attempt that is named half rightly (%o)', async (off) => {
        await keep([sampleEvent()])
        await claim(1, 'counter', 0)
        const jobs = await claim()
        const named = jobs.map((job) => ({
          ...job,
          attempt: job.attempt + off.attempt,
          fence: job.fence + off.fence,
        }))
        await store.extend(named.map(pick), 0)
        expect(await settle(named, { kind: 'dead', error: 'gone' })).toBe(1)
        expect(await claim()).toEqual([])
        const tell = (kind: 'released' | 'done') => (job: ClaimedJob) => ({
          ...pick(job),
          durationMs: 3,
          outcome: { kind },
        })
        const told = [...named.map(tell('released')), ...jobs.map(tell('done'))]
        expect(await store.settle(told)).toBe(1)
        expect(await onlyEvent()).toMatchObject({ state: 'done' })
      })
      it('extends no earlier attempt when the newest was released', async () => {
        await keep([sampleEvent()])
        const late = await claim(1, 'counter', 0)
        await settle(await claim(), { kind: 'released' })
        await store.extend(late.map(pick), LEASE_MS)
        expect(await claim()).toMatchObject([{ attempt: 2 }])
      })
      it.each<Outcome>([
        { kind: 'done' },
        { kind: 'retry', error: 'busy', delayMs: LEASE_MS },
        { kind: 'dead', error: 'gone' },
        { kind: 'released' },
      ])('takes one outcome of an attempt, when the first told is $kind', async (outcome) => {
        await keep([sampleEvent()])
        const jobs = await claim()
        expect(await settle(jobs, outcome)).toBe(0)
        const told = (await store.listJobs({})).rows
        expect(await settle(jobs, outcome)).toBe(1)
        expect(await settle(jobs, { kind: 'released' })).toBe(1)
        expect(await settle(jobs, { kind: 'retry', error: 'late', delayMs: 0 })).toBe(1)
        expect((await store.listJobs({})).rows).toEqual(told)
      })
      it('takes the first of several outcomes of an attempt that are told together', async () => {
        await keep([sampleEvent(), sampleEvent()])
        const [one, other] = (await claim()).map(pick)
        const retry = { kind: 'retry', error: 'busy', delayMs: LEASE_MS } as const
        const refused = await store.settle([
          { ...one!, durationMs: 3, outcome: retry },
          { ...one!, durationMs: 4, outcome: { kind: 'done' } },
          { ...other!, durationMs: 5, outcome: { kind: 'done' } },
          { ...other!, durationMs: 6, outcome: retry },
        ])
        expect(refused).toBe(2)
        const { rows } = await store.listJobs({})
        expect(rows).toMatchObject([
          { event: other?.event, state: 'done', attempts: [{ durationMs: 5 }] },
          { event: one?.event, state: 'pending', attempts: [{ durationMs: 3 }] },
        ])
      })
      it('hands out jobs that are due at the same moment in the order of their events', async () => {
        await keep(Array.from({ length: 6 }, () => sampleEvent()))
        const jobs = await claim()
        await settle([...jobs].reverse(), { kind: 'released' })
        const claimed = [...(await claim(2)), ...(await claim(2)), ...(await claim(2))]
        expect(claimed.map(({ event }) => event)).toEqual(jobs.map(({ event }) => event))
      })
      it('takes the outcome of the newest attempt only', async () => {
        await keep([sampleEvent()])
        const late = await claim(1, 'counter', 1)
        let newer: readonly ClaimedJob[] = []
        await expect.poll(async () => (newer = await claim(1))).toHaveLength(1)
        expect(await settle(late, { kind: 'done' })).toBe(1)
        expect((await store.stats()).jobs['counter']).toEqual({ pending: 1, done: 0, dead: 0 })
        expect(await settle(newer, { kind: 'done' })).toBe(0)
        expect((await store.stats()).jobs['counter']).toEqual({ pending: 0, done: 1, dead: 0 })
      })
      it('takes an outcome once', async () => {
        await keep([sampleEvent()])
        const jobs = await claim()
        expect(await settle(jobs, { kind: 'done' })).toBe(0)
        expect(await settle(jobs, { kind: 'dead', error: 'late' })).toBe(1)
        expect(await onlyEvent()).toMatchObject({ state: 'done' })
      })
      it('makes a failed job due again after its delay', async () => {
        await keep([sampleEvent()])
        await settle(await claim(), { kind: 'retry', error: 'timed out', delayMs: 200 })
        expect(await claim()).toEqual([])
        await expect.poll(() => claim(), { timeout: 5_000 }).toMatchObject([{ attempt: 2 }])
      })
      it('never runs a dead job again by itself', async () => {
        await keep([sampleEvent()])
        await settle(await claim(), { kind: 'dead', error: 'no such account' })
        expect(await claim()).toEqual([])
        expect(await onlyEvent()).toMatchObject({
          state: 'dead',
          jobs: [{ lastError: 'no such account' }],
        })
      })
      it('does not count an attempt that was released', async () => {
        await keep([sampleEvent()])
        await settle(await claim(), { kind: 'released' })
        expect(await claim()).toMatchObject([{ attempt: 1 }])
      })
      it('tells of every attempt with its outcome, error and duration', async () => {
        await keep([sampleEvent()])
        await settle(await claim(), { kind: 'retry', error: 'first', delayMs: 0 })
        await settle(await claim(), { kind: 'retry', error: 'second', delayMs: 0 })
        await settle(await claim(), { kind: 'done' })
        const ended = { endedAt: expect.any(Number), durationMs: 3 }
        expect((await onlyEvent())?.jobs).toEqual([
          expect.objectContaining({
            state: 'done',
            attempt: 3,
            attempts: [
              { attempt: 1, outcome: 'retry', error: 'first', ...ended },
              { attempt: 2, outcome: 'retry', error: 'second', ...ended },
              { attempt: 3, outcome: 'done', ...ended },
            ],
          }),
        ])
      })
      it('goes on with unfinished jobs after a restart', async () => {
        await keep([sampleEvent(), sampleEvent()])
        const [first] = await claim(1)
        if (first) await settle([first], { kind: 'done' })
        store = await harness.reopen(store)
        expect(await claim()).toHaveLength(1)
      })
      it('holds an event pending until every job has ended, then dead if one is', async () => {
        await keep([sampleEvent({ handlers: ['counter', 'other'] })])
        await settle(await claim(1, 'counter'), { kind: 'dead', error: 'x' })
        expect(await onlyEvent()).toMatchObject({ state: 'pending' })
        await settle(await claim(1, 'other'), { kind: 'done' })
        expect(await onlyEvent()).toMatchObject({ state: 'dead' })
        expect((await store.stats()).events.byState).toMatchObject({ dead: 1, done: 0, pending: 0 })
      })
    })

    describe('replay', () => {
      const name = (job: ClaimedJob) => ({ event: job.event, handler: job.handler })

      it('makes settled jobs pending again with a fresh count of attempts', async () => {
        await keep([sampleEvent()])
        const jobs = await claim()
        await settle(jobs, { kind: 'dead', error: 'x' })
        expect(await store.replay(jobs.map(name))).toBe(1)
        expect(await claim()).toMatchObject([{ attempt: 1 }])
      })
      it('never takes an outcome from before for one of a newer attempt', async () => {
        await keep([sampleEvent()])
        const late = await claim(1, 'counter', 0)
        const jobs = await claim()
        await settle(jobs, { kind: 'done' })
        await store.replay(jobs.map(name))
        const newer = await claim()
        expect(newer).toMatchObject([{ attempt: late[0]?.attempt }])
        expect(await settle(late, { kind: 'dead', error: 'late' })).toBe(1)
        expect(await settle(jobs, { kind: 'dead', error: 'late' })).toBe(1)
        await store.extend(late.map(pick), 0)
        expect(await claim()).toEqual([])
        expect(await settle(newer, { kind: 'released' })).toBe(0)
        const again = await claim()
        expect(again).toMatchObject([{ attempt: newer[0]?.attempt }])
        expect(await settle(newer, { kind: 'done' })).toBe(1)
        expect(await settle(again, { kind: 'done' })).toBe(0)
      })
      it('leaves a pending job as it is', async () => {
        await keep([sampleEvent()])
        const jobs = await claim()
        expect(await store.replay(jobs.map(name))).toBe(0)
        expect(await claim()).toEqual([])
      })
      it('leaves out jobs in another state than asked for', async () => {
        await keep([sampleEvent(), sampleEvent()])
        const jobs = await claim()
        await settle(jobs.slice(0, 1), { kind: 'done' })
        await settle(jobs.slice(1), { kind: 'dead', error: 'x' })
        expect(await store.replay(jobs.map(name), 'dead')).toBe(1)
        expect(await claim()).toMatchObject([{ event: jobs[1]?.event }])
      })
      it('keeps the record of every attempt, those that succeeded before too', async () => {
        await keep([sampleEvent()])
        const run = async (...outcomes: readonly Outcome[]) => {
          for (const outcome of outcomes) await settle(await claim(), outcome)
        }
        const retry = (error: string): Outcome => ({ kind: 'retry', error, delayMs: 0 })
        const ended = { endedAt: expect.any(Number), durationMs: 3 }
        const first = [
          { attempt: 1, outcome: 'retry', error: 'first', ...ended },
          { attempt: 2, outcome: 'done', ...ended },
        ]
        const second = { attempt: 1, outcome: 'retry', error: 'second', ...ended }
        const onlyJob = async () => (await onlyEvent())?.jobs[0]

        await run(retry('first'), { kind: 'done' })
        const { attempts } = (await onlyJob()) ?? {}
        expect(await store.replay((await store.listJobs({})).rows)).toBe(1)
        expect((await onlyJob())?.attempts).toEqual(first)
        expect((await onlyJob())?.attempts).toEqual(attempts)
        await run(retry('second'))
        expect(await onlyJob()).toMatchObject({ lastError: 'second', attempts: [...first, second] })
        await run({ kind: 'done' })
        store = await harness.reopen(store)
        await store.replay((await store.listJobs({})).rows)
        const all = [...first, second, first[1]]
        expect(await onlyJob()).toMatchObject({ state: 'pending', attempt: 0, attempts: all })
      })
      it('takes no earlier error for that of a job that succeeded since', async () => {
        await keep([sampleEvent()])
        await settle(await claim(), { kind: 'retry', error: 'busy', delayMs: 0 })
        await settle(await claim(), { kind: 'done' })
        await store.replay((await store.listJobs({})).rows)
        expect((await store.listJobs({})).rows).toMatchObject([{ lastError: undefined }])
      })
      it('lets the oldest attempts of a long record go', async () => {
        await keep([sampleEvent()])
        await settle(await claim(), { kind: 'retry', error: 'x'.repeat(65_440), delayMs: 0 })
        await settle(await claim(), { kind: 'done' })
        await store.replay((await store.listJobs({})).rows)
        const [job] = (await store.listJobs({})).rows
        expect(job?.attempts).toMatchObject([{ attempt: 2, outcome: 'done' }])
      })
      it('makes a job for a handler that was not there when the event came', async () => {
        await keep([sampleEvent({ handlers: [] })])
        const { rows } = await store.listEvents({ state: 'unhandled' })
        const event = rows[0]?.id ?? ''
        expect(await store.replay([{ event, handler: 'newcomer' }])).toBe(1)
        expect(await claim(1, 'newcomer')).toMatchObject([{ event }])
        expect((await store.stats()).events.byState).toMatchObject({ unhandled: 0, pending: 1 })
      })
      it('answers 0 for an event that is not there', async () => {
        expect(await store.replay([{ event: '4711', handler: 'counter' }])).toBe(0)
      })
    })

    describe('reading', () => {
      it('lists events newest first, page by page, without gaps or repeats', async () => {
        for (let n = 0; n < 3; n++) await keep(Array.from({ length: 4 }, () => sampleEvent()))
        const seen: string[] = []
        let cursor: string | undefined
        do {
          const page = await store.listEvents({ limit: 5, ...(cursor ? { cursor } : {}) })
          seen.push(...page.rows.map(({ id }) => id))
          cursor = page.cursor
        } while (cursor)
        expect(seen).toHaveLength(12)
        expect(seen.map(Number)).toEqual([...seen].map(Number).sort((a, b) => b - a))
        expect(new Set(seen).size).toBe(12)
      })
      it('finds events by each filter, alone and together', async () => {
        const wanted = sampleEvent({
          type: 'click',
          name: 'email.clicked',
          recipient: 'zoë@example.com',
        })
        await keep([sampleEvent(), wanted, sampleEvent()], sampleBatch({ receivedAt: 5_000 }))
        await keep([sampleEvent()], sampleBatch({ source: 'audit', receivedAt: 9_000 }))
        const find = async (query: object) =>
          (await store.listEvents(query)).rows.map(({ eventId }) => eventId)
        const one = [wanted.eventId]
        expect(await find({ type: 'click' })).toEqual(one)
        expect(await find({ recipient: 'zoë@example.com' })).toEqual(one)
        expect(await find({ recipient: 'ZOË@Example.com' })).toEqual(one)
        expect(await find({ messageId: wanted.messageId })).toEqual(one)
        expect(await find({ eventId: wanted.eventId })).toEqual(one)
        expect(
          await find({ type: 'click', recipient: 'zoë@example.com', state: 'pending' }),
        ).toEqual(one)
        expect(await find({ type: 'click', state: 'done' })).toEqual([])
        expect(await find({ source: 'audit' })).toHaveLength(1)
        expect(await find({ from: 9_000 })).toHaveLength(1)
        expect(await find({ to: 9_000 })).toHaveLength(3)
        expect(await find({ from: 5_000, to: 9_001, recipient: 'user1@example.com' })).toHaveLength(
          3,
        )
      })
      it('lists events with dead jobs page by page, each once, whatever lies between', async () => {
        const both = ['counter', 'other']
        const types = ['open', 'click', 'open', 'open', 'click', 'open', 'open']
        await keep(types.map((type) => sampleEvent({ type, handlers: both })))
        const jobs = await claim()
        await settle(
          jobs.filter((_, n) => n !== 3),
          { kind: 'dead', error: 'x' },
        )
        await settle(await claim(100, 'other'), { kind: 'dead', error: 'x' })
        const list = (cursor?: string) =>
          store.listEvents({ state: 'dead', type: 'open', limit: 2, ...(cursor && { cursor }) })
        const first = await list()
        const second = await list(first.cursor)
        const third = second.cursor === undefined ? undefined : await list(second.cursor)
        const pages = [first, second, third].map((page) => page?.rows.map(({ id }) => id) ?? [])
        const dead = [6, 5, 2, 0].map((n) => jobs[n]?.event)
        expect(pages).toEqual([dead.slice(0, 2), dead.slice(2), []])
      })
      it('finds an event and its conflicts by event id', async () => {
        const event = sampleEvent()
        await keep([event, { ...event, digest: 'zyxwvutsrqpo' }])
        expect((await store.listEvents({ eventId: event.eventId ?? '' })).rows).toHaveLength(2)
      })
      it('finds an event by its id when it has no normalised name', async () => {
        const event = sampleEvent({ type: 'inbound.message_received', name: undefined })
        await keep([event])
        expect((await store.listEvents({ eventId: event.eventId ?? '' })).rows).toHaveLength(1)
      })
      it('answers undefined for an event that is not there', async () => {
        expect(await store.getEvent('4711')).toBeUndefined()
      })
      it('lists jobs by handler and state, page by page', async () => {
        await keep([sampleEvent({ handlers: ['counter', 'other'] }), sampleEvent()])
        await settle(await claim(1), { kind: 'dead', error: 'x' })
        expect((await store.listJobs({})).rows).toHaveLength(3)
        expect((await store.listJobs({ handler: 'counter' })).rows).toHaveLength(2)
        expect((await store.listJobs({ handler: 'counter', state: 'dead' })).rows).toHaveLength(1)
        const first = await store.listJobs({ limit: 2 })
        const second = await store.listJobs({ limit: 2, cursor: first.cursor ?? '' })
        const names = [...first.rows, ...second.rows].map(
          ({ event, handler }) => `${event} ${handler}`,
        )
        expect(new Set(names).size).toBe(3)
      })
      it('adds everything up', async () => {
        const event = sampleEvent()
        const { batch } = await keep([
          event,
          event,
          { ...event, digest: 'zyxwvutsrqpo' },
          sampleEvent({ handlers: [] }),
        ])
        await store.append(sampleBatch({ receivedAt: batch.receivedAt - 60_000 }))
        const stats = await store.stats()
        expect(stats).toMatchObject({
          batches: { received: 2, waiting: 1 },
          events: {
            total: 3,
            byState: { pending: 1, done: 0, dead: 0, unhandled: 1, conflict: 1, stale: 0 },
            byType: { open: 3 },
          },
          duplicates: 1,
          jobs: { counter: { pending: 1, done: 0, dead: 0 } },
          backlog: 2,
        })
        expect(stats.oldestPendingMs).toBeGreaterThanOrEqual(60_000)
      })
      it('is all zero at the beginning', async () => {
        expect(await store.stats()).toMatchObject({
          backlog: 0,
          oldestPendingMs: 0,
          jobs: {},
          events: { total: 0, byType: {} },
        })
      })
    })

    describe('handlers', () => {
      it('are remembered, and replaced by name', async () => {
        const counter = {
          name: 'counter',
          module: '/app/a.ts',
          keys: ['open', '*'],
          takesBatches: false,
        }
        await store.saveHandlers([counter, { ...counter, name: 'other', takesBatches: true }])
        await store.saveHandlers([{ ...counter, keys: ['bounce'] }])
        store = await harness.reopen(store)
        expect(await store.loadHandlers()).toEqual([
          { ...counter, keys: ['bounce'] },
          { ...counter, name: 'other', takesBatches: true },
        ])
      })
    })

    async function pruneAll(request: Parameters<Store['prune']>[0]): Promise<number> {
      let removed = 0
      for (let calls = 0; calls < 100; calls++) {
        const receipt = await store.prune(request)
        removed += receipt.removed
        if (receipt.isDone) return removed
      }
      throw new Error('pruning does not end')
    }

    describe('pruning', () => {
      const everything = { eventsBefore: FOREVER, deadBefore: FOREVER, keysBefore: 0 }

      it('forgets finished events by age of receipt, and keeps their keys', async () => {
        const event = sampleEvent()
        await keep([event], sampleBatch({ receivedAt: 1_000 }))
        await settle(await claim(), { kind: 'done' })
        await keep([sampleEvent({ handlers: [] })], sampleBatch({ receivedAt: 3_000 }))
        await pruneAll({ eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 0 })
        expect((await store.listEvents({})).rows).toHaveLength(1)
        expect(await store.stats()).toMatchObject({ events: { total: 1, byType: { open: 1 } } })
        expect((await keep([event])).receipt).toMatchObject({ duplicates: 1 })
      })
      it('never forgets what is pending', async () => {
        await keep([sampleEvent()], sampleBatch({ receivedAt: 1_000 }))
        await store.append(sampleBatch({ receivedAt: 1_000 }))
        await pruneAll(everything)
        expect(await claim()).toHaveLength(1)
        expect((await store.stats()).batches.waiting).toBe(1)
      })
      it('never takes another batch for the one that an event came in', async () => {
        await keep([sampleEvent()], sampleBatch({ receivedAt: 1_000 }))
        await pruneAll(everything)
        await keep([])
        expect(await onlyEvent()).toMatchObject({ state: 'pending', batch: '' })
      })
      it('keeps the dead longer than the done', async () => {
        await keep([sampleEvent()], sampleBatch({ receivedAt: 1_000 }))
        await settle(await claim(), { kind: 'dead', error: 'x' })
        await pruneAll({ eventsBefore: 2_000, deadBefore: 500, keysBefore: 0 })
        expect((await store.listEvents({ state: 'dead' })).rows).toHaveLength(1)
        await pruneAll({ eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 0 })
        expect((await store.listEvents({})).rows).toHaveLength(0)
      })
      it('forgets quarantine with the dead', async () => {
        const batch = sampleBatch({ receivedAt: 1_000 })
        await store.append(batch)
        await store.commitChunk(
          wholeChunk(batch.id, { unreadable: [sampleUnreadable()], toPiece: 1 }),
        )
        await pruneAll({ eventsBefore: 2_000, deadBefore: 500, keysBefore: 0 })
        expect((await store.listQuarantine({})).rows).toHaveLength(1)
        await pruneAll({ eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 0 })
        expect((await store.listQuarantine({})).rows).toHaveLength(0)
      })
      it('counts what it forgets no longer as quarantined', async () => {
        for (const receivedAt of [1_000, 3_000]) {
          const batch = sampleBatch({ receivedAt })
          const unreadable = [sampleUnreadable({ pieces: 2 }), sampleUnreadable({ position: 2 })]
          await store.append(batch)
          await store.commitChunk(wholeChunk(batch.id, { unreadable, toPiece: 3 }))
        }
        expect(await store.stats()).toMatchObject({ quarantined: 6 })
        await pruneAll({ eventsBefore: 2_000, deadBefore: 2_000, keysBefore: 0 })
        expect(await store.stats()).toMatchObject({ quarantined: 3 })
      })
      it('never gives the number of a piece in quarantine to another one', async () => {
        const quarantine = async (batch = sampleBatch()) => {
          await store.append(batch)
          const unreadable = [sampleUnreadable()]
          await store.commitChunk(wholeChunk(batch.id, { unreadable, toPiece: 1 }))
          return Number((await store.listQuarantine({})).rows[0]?.id)
        }
        await quarantine()
        const first = await quarantine()
        await pruneAll(everything)
        store = await harness.reopen(store)
        expect(await quarantine()).toBeGreaterThan(first)
      })
      it('works through more rows than one call takes', async () => {
        const events = () => Array.from({ length: 900 }, () => sampleEvent({ handlers: [] }))
        await keep(events(), sampleBatch({ receivedAt: 1_000 }))
        await keep(events(), sampleBatch({ receivedAt: 1_000 }))
        await pruneAll({ ...everything, keysBefore: FOREVER })
        expect(await store.stats()).toMatchObject({ events: { total: 0, byType: {} } })
      })
    })
  })
}
