import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { UnpackedEvent } from '../../src/model.ts'
import type { Store } from '../../src/store/store.ts'
import { sampleBatch, sampleEvent, sampleUnreadable, wholeChunk } from './sample-rows.ts'
import type { StoreHarness } from './store.contract.ts'

const ANN = 'ann@example.com'

/** An event that tells of this person. */
function eventOf(address: string, overrides: Partial<UnpackedEvent> = {}): UnpackedEvent {
  return sampleEvent({
    recipient: address,
    payload: JSON.stringify({ event: 'open', email: address }),
    ...overrides,
  })
}

/** What every engine does to forget a person; each engine's own test file runs it. */
export function describeErasing(engine: string, harness: StoreHarness): void {
  describe(`erasing from a store on ${engine}`, () => {
    let store: Store
    beforeEach(async () => {
      store = await harness.open()
    })
    afterEach(() => harness.dispose(store))

    async function keep(chunk: Parameters<typeof wholeChunk>[1]) {
      const batch = sampleBatch()
      await store.append({ ...batch, body: Buffer.from(batch.body) })
      return store.commitChunk(wholeChunk(batch.id, chunk))
    }

    async function erase(...traces: string[]) {
      const sum = { events: 0, pieces: 0, errors: 0, seen: 0 }
      for (let after: string | undefined, calls = 0; ; calls++) {
        const receipt = await store.erase({ traces, ...(after === undefined ? {} : { after }) })
        for (const name of ['events', 'pieces', 'errors', 'seen'] as const) {
          sum[name] += receipt[name]
        }
        after = receipt.after
        if (after === undefined) return sum
        expect(calls).toBeLessThan(50)
      }
    }

    async function fail(error: string) {
      const jobs = await store.claim({ handler: 'counter', limit: 100, leaseMs: 60_000 })
      await store.settle(
        jobs.map(({ event, handler, attempt, fence }) => ({
          event,
          handler,
          attempt,
          fence,
          durationMs: 1,
          outcome: { kind: 'dead' as const, error },
        })),
      )
    }

    it('removes events by address, in any case, with their jobs, and nobody else’s', async () => {
      const others = ['joann@example.com', 'ann@example.com.au', 'bob@example.com']
      await keep({
        events: [eventOf('Ann@Example.COM'), eventOf(ANN), ...others.map((one) => eventOf(one))],
      })
      expect(await erase(ANN)).toMatchObject({ events: 2, seen: 5 })
      const { rows } = await store.listEvents({})
      expect(rows.map(({ recipient }) => recipient).reverse()).toEqual(others)
      expect((await store.listJobs({})).rows).toHaveLength(3)
      const { events, jobs, backlog } = await store.stats()
      expect(events).toMatchObject({ total: 3, byState: { pending: 3 }, byType: { open: 3 } })
      expect(jobs).toEqual({ counter: { pending: 3, done: 0, dead: 0 } })
      expect(backlog).toBe(3)
    })

    it('removes what names the person elsewhere than as recipient', async () => {
      const inbound = eventOf('us@example.org', {
        payload: '{"event":"inbound","from":"Ann \\u003cANN@example.com\\u003e"}',
      })
      await keep({ events: [inbound, eventOf('bob@example.com')] })
      expect(await erase(ANN)).toMatchObject({ events: 1 })
    })

    it('reads a plus sign of form data as the space that it is', async () => {
      const payloads = [
        'event=delivery&event_id=f3&email=zz%40x.test&response=550+user+ann%40example.com',
        'event=delivery&event_id=f4&email=jo%2Bann%40example.com',
      ]
      await keep({ events: payloads.map((payload) => eventOf('zz@x.test', { payload })) })
      expect(await erase(ANN)).toMatchObject({ events: 1 })
    })

    it('finds an address whose letters are escaped, in events, errors, pieces and what waits', async () => {
      const payloads = [
        String.raw`{"note":"\u0061nn@example.com"}`,
        'event=open&email=%61nn%40example.com',
        '{"html":"&#97;nn@example.com"}',
      ]
      const written = String.raw`{"note":"\u0061nn@example.com"`
      const waiting = sampleBatch({ body: Buffer.from(written) })
      await keep({
        events: [...payloads.map((payload) => eventOf('us@example.org', { payload }))],
        unreadable: [sampleUnreadable({ bytes: Buffer.from(written) })],
      })
      await keep({ events: [eventOf('bob@example.com')] })
      await fail(`unexpected ${written}`)
      await store.append(waiting)
      expect(await store.findWaiting([ANN])).toEqual([waiting.id])
      expect(await erase(ANN)).toMatchObject({ events: 3, pieces: 1, errors: 1 })
    })

    it('finds letters beyond ASCII in a URL', async () => {
      const payload = '{"note":"http://x/?e=jos%C3%A9%40example.com"}'
      await keep({ events: [eventOf('us@example.org', { payload })] })
      expect(await erase('josé@example.com')).toMatchObject({ events: 1 })
    })

    it('finds an accent that is a character of its own, and one that is not', async () => {
      const addresses = ['NFC', 'NFD'].map((form) => 'josé@example.com'.normalize(form))
      for (const address of addresses) {
        await keep({ events: addresses.map((one) => eventOf(one)) })
        expect(await erase(address)).toMatchObject({ events: 2 })
        expect(await store.wipe([address])).toBe(true)
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
      const events = notes.map((note) =>
        eventOf('us@x.test', { payload: JSON.stringify({ note }) }),
      )
      await keep({ events })
      expect(await erase(ANN)).toMatchObject({ events: 4 })
    })

    it('takes the address out of the names under which events were counted', async () => {
      const type = 'x ann@example.com y'
      const payload = JSON.stringify({ event: type })
      const other = 'x joann@example.com y'
      await keep({ events: [eventOf('us@x.test', { type, payload }), eventOf('us@x.test')] })
      await keep({ events: [eventOf('us@x.test', { type: other })] })
      const sums = { from: 0, to: Date.now() + 3_600_000, bucketMs: 3_600_000 }
      const typesOf = async () =>
        [...new Set((await store.countEvents(sums)).map((point) => point.type))].sort()
      expect(await typesOf()).toEqual(['open', type, other])
      expect(await erase(ANN)).toMatchObject({ events: 1 })
      expect(await typesOf()).toEqual(['(other)', 'open', other])
      expect((await store.stats()).events.byType).toEqual({ open: 1, [other]: 1 })
      expect(await store.countEvents({ ...sums, bucketMs: sums.to })).toMatchObject([
        { type: '(other)', n: 1 },
        { type: 'open', n: 1 },
        { type: other, n: 1 },
      ])
      expect(await erase(ANN)).toMatchObject({ events: 0 })
    })

    it('removes events by each of several traces', async () => {
      const hashed = eventOf('hashed:abc123', { payload: '{"email":"hashed:abc123"}' })
      await keep({ events: [hashed, eventOf(ANN), eventOf('bob@example.com')] })
      expect(await erase(ANN, 'hashed:abc123')).toMatchObject({ events: 2 })
    })

    it('removes conflicts, and knows what is sent again', async () => {
      const event = eventOf(ANN)
      const other = { ...event, digest: 'otherdigest1' }
      expect(await keep({ events: [event, other] })).toMatchObject({ stored: 1, conflicts: 1 })
      expect(await erase(ANN)).toMatchObject({ events: 2 })
      expect((await store.stats()).events).toMatchObject({ total: 0, byState: { conflict: 0 } })
      expect(await keep({ events: [event, other] })).toMatchObject({ stored: 0, duplicates: 2 })
      expect((await store.listEvents({})).rows).toEqual([])
    })

    it('takes a job out of the hands of the one who runs it', async () => {
      await keep({ events: [eventOf(ANN)] })
      const [job] = await store.claim({ handler: 'counter', limit: 1, leaseMs: 60_000 })
      await erase(ANN)
      const { event = '', attempt = 1, fence = 1 } = job ?? {}
      const name = { event, handler: 'counter', attempt, fence }
      expect(await store.settle([{ ...name, durationMs: 1, outcome: { kind: 'done' } }])).toBe(1)
      expect((await store.stats()).jobs).not.toMatchObject({ counter: { done: 1 } })
    })

    it('takes the address out of the errors of other people’s jobs', async () => {
      await keep({ events: [eventOf('bob@example.com'), eventOf('carl@example.com')] })
      await fail(`cannot write to bob, "${ANN}"`)
      expect(await erase(ANN)).toMatchObject({ events: 0, errors: 2 })
      const { rows } = await store.listJobs({})
      expect(rows).toMatchObject([{ state: 'dead', attempt: 1 }, { state: 'dead' }])
      expect(rows[0]?.attempts).toMatchObject([{ outcome: 'dead', durationMs: 1 }])
      expect(JSON.stringify(rows)).not.toContain(ANN)
      expect(await erase(ANN)).toMatchObject({ errors: 0 })
    })

    it('removes unreadable pieces that hold the address, and leaves the others', async () => {
      const pieces = [
        Buffer.concat([Buffer.from([0xff, 0x00, 0x5c]), Buffer.from('"email":"ANN@example.com"')]),
        Buffer.from(`{"email":"${ANN}"`, 'utf16le'),
        Buffer.from('{"email":"joann@example.com"'),
      ]
      const unreadable = pieces.map((bytes, position) => sampleUnreadable({ bytes, position }))
      await keep({ unreadable, toPiece: 3 })
      expect(await erase(ANN)).toMatchObject({ pieces: 2 })
      expect((await store.listQuarantine({})).rows).toMatchObject([{ position: 2 }])
    })

    it('counts the pieces it removes no longer as quarantined', async () => {
      const bytes = Buffer.from(`{"email":"${ANN}"`)
      const unreadable = [sampleUnreadable({ bytes, pieces: 2 }), sampleUnreadable({ position: 2 })]
      await keep({ unreadable, toPiece: 3 })
      expect(await erase(ANN)).toMatchObject({ pieces: 1 })
      expect(await store.stats()).toMatchObject({ quarantined: 1 })
    })

    it('looks at batches that wait only when asked which they are', async () => {
      const bodies = ['{"email":"Ann@Example.com"}', '{"email":"bob@example.com"}']
      const batches = bodies.map((text) => sampleBatch({ body: Buffer.from(text) }))
      for (const batch of batches) await store.append({ ...batch, body: Buffer.from(batch.body) })
      const [first, second] = batches.map(({ id }) => id)
      expect(await store.findWaiting([ANN])).toEqual([first])
      expect(await store.findWaiting([ANN], [first ?? '', second ?? ''])).toEqual([first])
      expect(await store.findWaiting([ANN], [second ?? ''])).toEqual([])
      expect(await erase(ANN)).toMatchObject({ events: 0 })
      expect((await store.stats()).batches.waiting).toBe(2)
      await store.commitChunk(wholeChunk(first ?? ''))
      expect(await store.findWaiting([ANN])).toEqual([])
    })

    it('works through more rows than one call takes', async () => {
      for (let round = 0; round < 5; round++) {
        const events = Array.from({ length: 500 }, (_, index) =>
          eventOf(index % 10 === 0 ? ANN : `user${index}@example.com`, { position: index }),
        )
        await keep({ events, toPiece: 500 })
      }
      expect(await erase(ANN)).toMatchObject({ events: 250, seen: 2_500 })
      expect(await erase(ANN)).toMatchObject({ events: 0, seen: 2_250 })
    })

    it('wipes what is left of deleted rows', async () => {
      await keep({ events: [eventOf(ANN)] })
      await erase(ANN)
      expect(await store.wipe([ANN])).toBe(true)
    })

    it('keeps a trail of what people had done, newest first, page by page', async () => {
      expect(await store.listAudit({})).toEqual({ rows: [], cursor: undefined })
      const entry = { action: 'erase', network: '192.0.2.0/24', parameters: { n: 1 } } as const
      await store.recordAudit({ ...entry, outcome: 'begun', counts: {} })
      await store.recordAudit({ ...entry, outcome: 'done', counts: { erased: 3 } })
      const first = await store.listAudit({ limit: 1 })
      expect(first.rows).toMatchObject([{ ...entry, outcome: 'done', counts: { erased: 3 } }])
      expect(Math.abs(Date.now() - (first.rows[0]?.at ?? 0))).toBeLessThan(60_000)
      const second = await store.listAudit({ limit: 1, cursor: first.cursor ?? '' })
      expect(second.rows).toMatchObject([{ ...entry, outcome: 'begun' }])
    })
  })
}
