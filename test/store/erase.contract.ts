import { describe, expect, it } from 'vitest'
import { readPages } from './copied-store.ts'
import {
  appendAndTake,
  claimOf,
  endAll,
  keep,
  progressOf,
  pruneAll,
  type SampleEvent,
  type SamplePart,
  sampleBatch,
  sampleEvent,
  samplePiece,
  sha256Of,
} from './sample-rows.ts'
import { type StoreHarness, storeForEachTest } from './store-harness.ts'

const ANN = 'ann@example.com'
const DONE = { kind: 'done' } as const
const HOUR_MS = 3_600_000

/** An event that tells of this person. */
function eventOf(address: string, overrides: Partial<SampleEvent> = {}): SampleEvent {
  return sampleEvent({
    recipient: address.toLowerCase(),
    payload: JSON.stringify({ event: 'open', email: address }),
    ...overrides,
  })
}

/** What every engine does to forget a person; each engine's own test file runs it. */
export function describeErasing(engine: string, harness: StoreHarness): void {
  describe(`erasing from a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const stats = () => tested.store.archive.stats()
    const list = () => readPages((page) => tested.store.archive.listEvents({ limit: 500, ...page }))
    const put = (...parts: SamplePart[]) => keep(tested.store, parts)
    const waiting = (traces: string[], among?: string[]) =>
      tested.store.archive.findWaiting(traces, among)

    async function erase(...traces: string[]) {
      const sum = { events: 0, pieces: 0, errors: 0, seen: 0 }
      for (let after: string | undefined, calls = 0; ; calls++) {
        const receipt = await tested.store.erase({
          traces,
          ...(after === undefined ? {} : { after }),
        })
        for (const name of ['events', 'pieces', 'errors', 'seen'] as const) {
          sum[name] += receipt[name]
        }
        after = receipt.after
        if (after === undefined) return sum
        expect(calls).toBeLessThan(50)
      }
    }

    const fail = (error: string) => endAll(tested.store, { kind: 'dead', error })

    it('removes events by address, in any case, with their jobs, and nobody else’s', async () => {
      const others = ['joann@example.com', 'ann@example.com.au', 'bob@example.com']
      await put(eventOf('Ann@Example.COM'), eventOf(ANN), ...others.map((one) => eventOf(one)))
      expect(await erase(ANN)).toMatchObject({ events: 2, seen: 5 })
      const rows = await list()
      expect(rows.map(({ recipient }) => recipient).reverse()).toEqual(others)
      expect((await tested.store.archive.listJobs({})).rows).toHaveLength(3)
      const { events, jobs, backlog } = await stats()
      expect(events).toMatchObject({ total: 3, byState: { pending: 3 }, byType: { open: 3 } })
      expect(jobs).toEqual({ counter: { pending: 3, done: 0, dead: 0 } })
      expect(backlog).toBe(3)
    })

    it('tells which events in somebody’s hands are no more, and which job', async () => {
      await put(eventOf(ANN))
      await endAll(tested.store, { kind: 'retry', error: 'busy', delayMs: 0 })
      const { events } = await put(sampleEvent(), eventOf(ANN))
      const runs = await tested.store.claimRuns(claimOf('counter'))
      const jobs = await tested.store.claimJobs(claimOf('counter'))
      const held = [...runs.flatMap((run) => run.events), ...jobs].map(({ event }) => event)
      expect(held).toHaveLength(3)
      expect(await tested.store.findGone(held)).toEqual([])
      await erase(ANN)
      expect(await tested.store.findGone(held)).toEqual([events[1], jobs[0]?.event])
      expect(await tested.store.findGone([])).toEqual([])
    })

    it('leaves every other event of the batch exactly as it was, where it was', async () => {
      const texts = ['{"event":"open",  "n":1}', '{"event":"open","name":"Zoë"}']
      const [first, last] = texts.map((payload) => sampleEvent({ payload }))
      await put(first!, eventOf(ANN), last!)
      expect(await erase(ANN)).toMatchObject({ events: 1 })
      await tested.restart()
      const details = await Promise.all(
        (await list()).map(({ id }) => tested.store.archive.getEvent(id)),
      )
      expect(details.map((event) => event?.payload).reverse()).toEqual(texts)
      const [run] = await tested.store.claimRuns(claimOf('counter'))
      const handed = run!.events.map(({ start, bytes }) =>
        Buffer.from(run!.body)
          .subarray(start, start + bytes)
          .toString(),
      )
      expect(handed).toEqual(texts)
      expect(Buffer.from(run!.body).toString()).not.toContain('ann@')
    })

    it('overwrites what was sent twice, too, and keeps the other sender’s event', async () => {
      const twice = eventOf(ANN)
      await put(sampleEvent(), twice)
      const { duplicates } = await put(twice, eventOf('bob@example.com'), twice)
      expect(duplicates).toBe(2)
      expect(await erase(ANN)).toMatchObject({ events: 1 })
      for (const run of await tested.store.claimRuns(claimOf('counter'))) {
        expect(Buffer.from(run.body).toString()).not.toContain('ann@')
      }
      expect(await list()).toHaveLength(2)
    })

    it('removes what names the person elsewhere than as recipient', async () => {
      const inbound = eventOf('us@example.org', {
        payload: '{"event":"inbound","from":"Ann \\u003cANN@example.com\\u003e"}',
      })
      await put(inbound, eventOf('bob@example.com'))
      expect(await erase(ANN)).toMatchObject({ events: 1 })
    })

    it('reads a plus sign of form data as the space that it is', async () => {
      const payloads = [
        'event=delivery&event_id=f3&email=zz%40x.test&response=550+user+ann%40example.com',
        'event=delivery&event_id=f4&email=jo%2Bann%40example.com',
      ]
      await put(...payloads.map((payload) => eventOf('zz@x.test', { payload })))
      expect(await erase(ANN)).toMatchObject({ events: 1 })
    })

    it('finds an address whose letters are escaped, in events, errors, pieces and what waits', async () => {
      const payloads = [
        String.raw`{"note":"\u0061nn@example.com"}`,
        'event=open&email=%61nn%40example.com',
        '{"html":"&#97;nn@example.com"}',
      ]
      const written = String.raw`{"note":"\u0061nn@example.com"`
      const content = Buffer.from(written)
      await put(
        ...payloads.map((payload) => eventOf('us@example.org', { payload })),
        samplePiece({ content }),
      )
      await put(eventOf('bob@example.com'))
      await fail(`unexpected ${written}`)
      const batch = sampleBatch([], { body: Buffer.from(written) })
      await tested.store.append([{ ...batch, body: Buffer.from(written) }])
      expect(await waiting([ANN])).toEqual([batch.id])
      expect(await erase(ANN)).toMatchObject({ events: 3, pieces: 1, errors: 1 })
    })

    it('finds letters beyond ASCII in a URL', async () => {
      const payload = '{"note":"http://x/?e=jos%C3%A9%40example.com"}'
      await put(eventOf('us@example.org', { payload }))
      expect(await erase('josé@example.com')).toMatchObject({ events: 1 })
    })

    it('finds an accent that is a character of its own, and one that is not', async () => {
      const addresses = ['NFC', 'NFD'].map((form) => 'josé@example.com'.normalize(form))
      for (const address of addresses) {
        await put(...addresses.map((one) => eventOf(one)))
        expect(await erase(address)).toMatchObject({ events: 2 })
      }
    })

    it('finds an address that the text around it touches', async () => {
      const notes = [
        '550 unknown ann@example.com.Please check',
        '_ann@example.com_',
        'activity_log.ann@example.com',
        'https://x.test/?e=hello+ann%40example.com',
        'ann@example.com.au',
      ]
      await put(...notes.map((note) => eventOf('us@x.test', { payload: JSON.stringify({ note }) })))
      expect(await erase(ANN)).toMatchObject({ events: 4 })
    })

    it('takes the address out of the names under which events were counted', async () => {
      const type = 'x ann@example.com y'
      const payload = JSON.stringify({ event: type })
      const other = 'x joann@example.com y'
      await put(eventOf('us@x.test', { type, payload }), eventOf('us@x.test'))
      await put(eventOf('us@x.test', { type: other }))
      const sums = { from: 0, to: Date.now() + HOUR_MS, bucketMs: HOUR_MS }
      const { archive } = tested.store
      const typesOf = async () =>
        [...new Set((await archive.countEvents(sums)).map((point) => point.type))].sort()
      expect(await typesOf()).toEqual(['open', type, other])
      expect(await erase(ANN)).toMatchObject({ events: 1 })
      expect(await typesOf()).toEqual(['(other)', 'open', other])
      expect((await stats()).events.byType).toEqual({ open: 1, [other]: 1 })
      expect(await archive.countEvents({ ...sums, bucketMs: sums.to })).toMatchObject([
        { type: '(other)', n: 1 },
        { type: 'open', n: 1 },
        { type: other, n: 1 },
      ])
      expect(await erase(ANN)).toMatchObject({ events: 0 })
    })

    it('removes events by each of several traces', async () => {
      const hashed = eventOf('hashed:abc123', { payload: '{"email":"hashed:abc123"}' })
      await put(hashed, eventOf(ANN), eventOf('bob@example.com'))
      expect(await erase(ANN, 'hashed:abc123')).toMatchObject({ events: 2 })
    })

    it('removes conflicts, and knows what is sent again', async () => {
      const event = eventOf(ANN)
      const other = { ...event, payload: JSON.stringify({ event: 'click', email: ANN }) }
      expect(await put(event, other)).toMatchObject({ stored: 1, conflicts: 1 })
      expect(await erase(ANN)).toMatchObject({ events: 2 })
      expect((await stats()).events).toMatchObject({ total: 0, byState: { conflict: 0 } })
      expect(await put(event, other)).toMatchObject({ stored: 0, duplicates: 2 })
      expect(await list()).toEqual([])
    })

    it('takes an event out of the run of the one who works on it, and leaves it the others', async () => {
      const { events } = await put(eventOf(ANN), eventOf('bob@example.com'))
      const [run] = await tested.store.claimRuns(claimOf('counter'))
      await erase(ANN)
      const progress = [progressOf(run!, DONE)]
      await tested.store.commit({ pages: [], progress, jobs: [] })
      expect(await stats()).toMatchObject({
        events: { total: 1, byState: { done: 1, pending: 0 } },
        jobs: { counter: { done: 1, pending: 0 } },
        backlog: 0,
      })
      expect(await list()).toMatchObject([{ id: `${events[1]}`, state: 'done' }])
    })

    it('counts what was done, and is gone, no longer', async () => {
      await put(eventOf(ANN), eventOf('bob@example.com'))
      await endAll(tested.store, DONE)
      await erase(ANN)
      expect(await stats()).toMatchObject({
        events: { total: 1, byState: { done: 1 } },
        jobs: { counter: { done: 1, pending: 0, dead: 0 } },
      })
    })

    it('takes the address out of what a dead job keeps when the rest of its batch is gone', async () => {
      await keep(tested.store, [eventOf(ANN), eventOf('bob@example.com')], { receivedAt: 1_000 })
      await fail('no')
      const request = { eventsBefore: 2_000, deadBefore: 500, keysBefore: 0 }
      await pruneAll(tested.store, request)
      expect(await list()).toHaveLength(2)
      expect(await erase(ANN)).toMatchObject({ events: 1, seen: 2 })
      expect(await list()).toMatchObject([{ recipient: 'bob@example.com', state: 'dead' }])
      expect(await stats()).toMatchObject({ jobs: { counter: { dead: 1 } } })
    })

    it('takes the address out of the errors of other people’s jobs', async () => {
      await put(eventOf('bob@example.com'), eventOf('carl@example.com'))
      await fail(`cannot write to bob, "${ANN}"`)
      expect(await erase(ANN)).toMatchObject({ events: 0, errors: 2 })
      const { rows } = await tested.store.archive.listJobs({})
      expect(rows).toMatchObject([{ state: 'dead', attempt: 1 }, { state: 'dead' }])
      expect(rows[0]?.attempts).toMatchObject([{ outcome: 'dead' }])
      expect(JSON.stringify(rows)).not.toContain(ANN)
      expect(await erase(ANN)).toMatchObject({ errors: 0 })
    })

    it('removes unreadable pieces that hold the address, and leaves the others', async () => {
      const pieces = [
        Buffer.concat([Buffer.from([0xff, 0x00, 0x5c]), Buffer.from('"email":"ANN@example.com"')]),
        Buffer.from(`{"email":"${ANN}"`, 'utf16le'),
        Buffer.from('{"email":"joann@example.com"'),
      ]
      await put(...pieces.map((content) => samplePiece({ content })))
      expect(await erase(ANN)).toMatchObject({ pieces: 2 })
      const { rows } = await tested.store.archive.listQuarantine({})
      expect(rows).toMatchObject([{ position: 2 }])
      const left = await tested.store.archive.quarantineBody(rows[0]?.id ?? '')
      expect(Buffer.from(left ?? [])).toEqual(pieces[2])
    })

    it('counts the pieces it removes no longer as quarantined', async () => {
      const content = Buffer.from(`{"email":"${ANN}"`)
      await put(samplePiece({ content, pieces: 2 }), samplePiece())
      expect(await erase(ANN)).toMatchObject({ pieces: 1 })
      expect(await stats()).toMatchObject({ quarantined: 1 })
    })

    it.each([
      ['with its body', 0],
      ['without it', 2_000],
    ])(
      'takes one person out of a body that nobody can read, %s, and nobody else',
      async (_, eventsBefore) => {
        const people = ['bob@example.com', ANN, 'carl@example.com']
        const content = Buffer.from(
          JSON.stringify({ data: people.map((email) => ({ email, n: 1 })) }),
        )
        await keep(tested.store, [samplePiece({ content })], { receivedAt: 1_000 })
        const request = { eventsBefore, deadBefore: 0, keysBefore: 0 }
        await pruneAll(tested.store, request)
        expect(await erase(ANN)).toMatchObject({ pieces: 1 })
        const { rows } = await tested.store.archive.listQuarantine({})
        expect(rows).toMatchObject([{ bytes: content.length }])
        const left = Buffer.from((await tested.store.archive.quarantineBody(rows[0]!.id)) ?? [])
        const own = JSON.stringify({ email: ANN, n: 1 })
        expect(left.toString()).toBe(content.toString().replace(own, ' '.repeat(own.length)))
        expect(await erase(ANN)).toMatchObject({ pieces: 0 })
      },
    )

    it('looks at batches that wait only when asked which they are', async () => {
      const bodies = ['{"email":"Ann@Example.com"}', '{"email":"bob@example.com"}']
      const batches = bodies.map((text) => sampleBatch([], { body: Buffer.from(text) }))
      for (const batch of batches) {
        await tested.store.append([{ ...batch, body: Buffer.from(batch.body) }])
      }
      const [first = '', second = ''] = batches.map(({ id }) => id)
      expect(await waiting([ANN])).toEqual([first])
      expect(await waiting([ANN], [first, second])).toEqual([first])
      expect(await waiting([ANN], [second])).toEqual([])
      expect(await erase(ANN)).toMatchObject({ events: 0 })
      const taken = await tested.store.takeBatches({ batches: 9, bytes: 2 ** 30, leaseMs: 0 })
      expect(taken.map(({ sha256, body }) => sha256Of(body) === sha256)).toEqual([true, true])
      expect(await stats()).toMatchObject({ batches: { waiting: 2 } })
    })

    it('finds no batch waiting once it is unpacked', async () => {
      const part = eventOf(ANN)
      await appendAndTake(tested.store, sampleBatch([part]))
      expect(await waiting([ANN])).toHaveLength(1)
      await put(part)
      expect(await waiting([ANN])).toHaveLength(1)
    })

    it('works through more rows than one call takes', async () => {
      for (let round = 0; round < 5; round++) {
        await put(
          ...Array.from({ length: 500 }, (_, index) =>
            eventOf(index % 10 === 0 ? ANN : `user${index}@example.com`),
          ),
        )
      }
      expect(await erase(ANN)).toMatchObject({ events: 250, seen: 2_500 })
      expect(await erase(ANN)).toMatchObject({ events: 0, seen: 2_250 })
      const expected = { total: 2_250, byState: { pending: 2_250 } }
      expect((await stats()).events).toMatchObject(expected)
    })

    it('takes the person out of more batches than one call takes', async () => {
      const batches = Array.from({ length: 700 }, () => sampleBatch([eventOf('bob@example.com')]))
      await tested.store.append(
        batches.map((batch) => ({ ...batch, body: Buffer.from(batch.body) })),
      )
      await put(eventOf(ANN))
      expect(await erase(ANN)).toMatchObject({ events: 1 })
    })

    it('keeps a trail of what people had done, newest first, page by page', async () => {
      const { archive } = tested.store
      expect(await archive.listAudit({})).toEqual({ rows: [], cursor: undefined })
      const entry = { action: 'erase', network: '192.0.2.0/24', parameters: { n: 1 } } as const
      await tested.store.recordAudit({ ...entry, outcome: 'begun', counts: {} })
      await tested.store.recordAudit({ ...entry, outcome: 'done', counts: { erased: 3 } })
      const first = await archive.listAudit({ limit: 1 })
      expect(first.rows).toMatchObject([{ ...entry, outcome: 'done', counts: { erased: 3 } }])
      expect(Math.abs(Date.now() - (first.rows[0]?.at ?? 0))).toBeLessThan(60_000)
      const second = await archive.listAudit({ limit: 1, cursor: first.cursor ?? '' })
      expect(second.rows).toMatchObject([{ ...entry, outcome: 'begun' }])
    })
  })
}
