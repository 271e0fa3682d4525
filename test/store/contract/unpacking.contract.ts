import { describe, expect, it } from 'vitest'
import { eventIdOf } from '../../../src/store/event-id.ts'
import type { UnpackedPage } from '../../../src/store/store.ts'
import {
  appendAndTake,
  bodyOf,
  claimOf,
  keep,
  pageOf,
  sampleBatch,
  sampleEvent,
  sampleEvents,
  samplePiece,
  sha256Of,
  textsOf,
} from '../sample-rows.ts'
import { type StoreHarness, storeForEachTest } from '../store-harness.ts'

const STORED = { kind: 'stored', runs: expect.any(Array) }

/** How every engine stores pages of unpacked batches. */
export function describeUnpacking(engine: string, harness: StoreHarness): void {
  describe(`unpacking into a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const commit = async (...pages: UnpackedPage[]) =>
      (await tested.store.commit({ pages, progress: [], jobs: [] })).pages
    const stats = () => tested.store.archive.stats()
    const total = async () => (await stats()).events.total
    async function onlyEvent() {
      const { rows } = await tested.store.archive.listEvents({})
      expect(rows).toHaveLength(1)
      return tested.store.archive.getEvent(rows[0]?.id ?? '')
    }

    it('closes the batch with its last page', async () => {
      await keep(tested.store, [sampleEvent()])
      await tested.restart()
      expect(await tested.store.takeBatches({ batches: 9, bytes: 9, leaseMs: 0 })).toEqual([])
      expect((await stats()).batches.waiting).toBe(0)
    })
    it('closes a batch without a single piece', async () => {
      expect(await keep(tested.store, [])).toMatchObject({ stored: 0, runs: [] })
      expect((await stats()).batches).toEqual({ received: 1, waiting: 0 })
    })
    it('goes on behind the pieces that are stored already, also after a restart', async () => {
      const parts = sampleEvents(3)
      const batch = await appendAndTake(tested.store, sampleBatch(parts))
      expect(await commit(pageOf(batch, parts, { toPiece: 2 }))).toEqual([STORED])
      expect((await stats()).batches.waiting).toBe(1)
      expect(await commit(pageOf(batch, parts, { fromPiece: 2 }))).toEqual([STORED])
      await tested.restart()
      expect(await total()).toBe(3)
      expect((await stats()).batches.waiting).toBe(0)
    })
    it('says of a page whose pieces somebody else has stored that it is taken', async () => {
      const parts = sampleEvents(2)
      const batch = await appendAndTake(tested.store, sampleBatch(parts))
      const page = pageOf(batch, parts, { toPiece: 1 })
      expect(await commit(page)).toEqual([STORED])
      expect(await commit(page)).toEqual([{ kind: 'taken' }])
      expect(await total()).toBe(1)
      expect((await stats()).jobs).toEqual({ counter: { pending: 1, done: 0, dead: 0 } })
    })
    it('says of a page of a closed or unknown batch that it is taken', async () => {
      const { batch } = await keep(tested.store, [])
      const [event] = [sampleEvent()]
      expect(await commit(pageOf(batch, [event]))).toEqual([{ kind: 'taken' }])
      const unknown = { ...batch, seq: batch.seq + 4_711 }
      expect(await commit(pageOf(unknown, [event]))).toEqual([{ kind: 'taken' }])
      expect(await total()).toBe(0)
    })
    it('stores pages of many batches in one commit, and leaves out those that are taken', async () => {
      const { batch: closed } = await keep(tested.store, [])
      const parts = Array.from({ length: 20 }, (_, index) => sampleEvents(1 + (index % 3)))
      const pages: UnpackedPage[] = []
      for (const own of parts) {
        pages.push(pageOf(await appendAndTake(tested.store, sampleBatch(own)), own))
      }
      const results = await commit(
        ...pages.slice(0, 7),
        pageOf(closed, sampleEvents(1)),
        ...pages.slice(7),
      )
      expect(results.map(({ kind }) => kind)).toEqual(
        Array.from({ length: 21 }, (_, index) => (index === 7 ? 'taken' : 'stored')),
      )
      expect(await total()).toBe(parts.flat().length)
      const runs = await tested.store.claimRuns(claimOf('counter'))
      expect(runs.map(({ events }) => events.length)).toEqual(parts.map(({ length }) => length))
    })
    it('refuses a page that it cannot store alone, and stores those beside it', async () => {
      const parts = [
        sampleEvents(2),
        [sampleEvent(), sampleEvent({ occurredAt: 1e300 })],
        sampleEvents(1),
      ]
      const pages: UnpackedPage[] = []
      for (const own of parts) {
        pages.push(pageOf(await appendAndTake(tested.store, sampleBatch(own)), own))
      }
      expect(await commit(...pages)).toEqual([
        STORED,
        { kind: 'refused', error: expect.any(Error) },
        STORED,
      ])
      expect(await stats()).toMatchObject({
        batches: { received: 3, waiting: 1 },
        events: { total: 3 },
        jobs: { counter: { pending: 3 } },
      })
      const rest = parts[1]!.map((event) => ({ ...event, occurredAt: undefined }))
      expect(await commit(pageOf(pages[1]!.batch, rest))).toEqual([STORED])
      expect(await total()).toBe(5)
    })
    it('keeps every field of an event, and the exact text', async () => {
      const payload =
        '{ "event":"open",\r\n "n":9007199254740993, "t":"\\u0000 \\ud800 \u{1f389}" }'
      const event = sampleEvent({ payload, occurredAt: 1_768_651_200_123 })
      const piece = samplePiece({ pieces: 7 })
      const { batch } = await keep(tested.store, [piece, event], {
        source: 'audit',
        receivedAt: 5_000,
      })
      expect(await onlyEvent()).toEqual({
        id: String(eventIdOf(batch.seq, 7)),
        batch: batch.id,
        position: 7,
        source: 'audit',
        provider: 'mailtrap',
        type: 'open',
        name: 'email.opened',
        state: 'pending',
        eventId: event.eventId,
        recipient: 'user1@example.com',
        messageId: event.messageId,
        occurredAt: 1_768_651_200_123,
        receivedAt: 5_000,
        payload,
        jobs: [expect.objectContaining({ handler: 'counter', state: 'pending', attempts: [] })],
      })
    })
    it('keeps an event of which hardly anything is known', async () => {
      const nothing = {
        name: undefined,
        eventId: undefined,
        occurredAt: undefined,
        recipient: undefined,
        messageId: undefined,
      }
      await keep(tested.store, [sampleEvent({ ...nothing, handlers: [] })])
      expect(await onlyEvent()).toMatchObject({ ...nothing, state: 'unhandled', jobs: [] })
    })
    it('keeps an id that is no UUID, and one that is, as they were written', async () => {
      const ids = [
        'evt_Übung/7',
        '0191E6B4-0000-7000-8000-000000000000',
        '0191e6b4-0000-7000-8000-000000000000',
      ]
      await keep(
        tested.store,
        ids.map((eventId) => sampleEvent({ eventId })),
      )
      const { rows } = await tested.store.archive.listEvents({})
      expect(rows.map(({ eventId }) => eventId)).toEqual([...ids].reverse())
    })
    it('reads the text of an event where a replacement of the body has it', async () => {
      const received = [
        sampleEvent({ payload: '{"event":"open","email":"ann@example.com"}' }),
        sampleEvent(),
      ]
      const batch = await appendAndTake(tested.store, sampleBatch(received))
      const kept = [{ ...received[0]!, payload: '{"event":"open"}' }, received[1]!]
      const body = bodyOf(kept)
      const replacement = { body, sha256: sha256Of(body) }
      expect(await commit(pageOf(batch, kept, { toPiece: 1, replacement }))).toEqual([STORED])
      const event = await tested.store.archive.getEvent(String(eventIdOf(batch.seq, 0)))
      expect(event?.payload).toBe('{"event":"open"}')
      const [run] = await tested.store.claimRuns(claimOf('counter'))
      expect(textsOf(run!)).toEqual(['{"event":"open"}'])
      expect(await commit(pageOf(batch, kept, { fromPiece: 1 }))).toEqual([STORED])
      const last = await tested.store.archive.getEvent(String(eventIdOf(batch.seq, 1)))
      expect(last?.payload).toBe(kept[1]?.payload)
    })
    it('gives out what a replacement left when the rest of the batch is unpacked later', async () => {
      const received = [sampleEvent(), samplePiece()]
      const parts = [received[0]!, samplePiece({ content: Buffer.from('{') })]
      await tested.store.append([sampleBatch(received)])
      const [batch] = await tested.store.takeBatches({ batches: 1, bytes: 1, leaseMs: 0 })
      const body = bodyOf(parts)
      const replacement = { body, sha256: sha256Of(body) }
      await commit(pageOf(batch!, parts, { toPiece: 1, replacement }))
      await tested.holderDies()
      const [again] = await tested.store.takeBatches({ batches: 1, bytes: 1, leaseMs: 0 })
      expect(again).toMatchObject({ id: batch?.id, sha256: replacement.sha256, unpackedPieces: 1 })
      expect(Buffer.from(again!.body).toString()).toBe(body.toString())
    })
    it('counts every duplicate that a page had', async () => {
      const parts = [sampleEvent()]
      const batch = await appendAndTake(tested.store, sampleBatch(parts))
      await commit(pageOf(batch, parts, { duplicates: 41 }))
      await tested.restart()
      expect((await stats()).duplicates).toBe(41)
    })
    it('quarantines unreadable pieces with reason, position and bytes', async () => {
      const content = Buffer.from([123, 255, 0])
      const { batch } = await keep(tested.store, [
        sampleEvent(),
        samplePiece({ reason: 'invalid_utf8', pieces: 2, content, detail: 'byte 2' }),
        samplePiece({ content: Buffer.from('}') }),
      ])
      const { archive } = tested.store
      const { rows } = await archive.listQuarantine({})
      const start = batch.body.length - 2 - '}'.length - 1 - content.length
      const facts = { batch: batch.id, source: 'mailtrap', receivedAt: batch.receivedAt }
      expect(rows).toMatchObject([
        { ...facts, reason: 'invalid_json', position: 3, pieces: 1, bytes: 1 },
        {
          ...facts,
          reason: 'invalid_utf8',
          detail: 'byte 2',
          position: 1,
          pieces: 2,
          byteOffset: start,
          bytes: 3,
        },
      ])
      expect((await stats()).quarantined).toBe(3)
      expect(await archive.getQuarantine(rows[1]?.id ?? '')).toEqual(rows[1])
      expect(await archive.getQuarantine('999')).toBeUndefined()
      expect(Buffer.from((await archive.quarantineBody(rows[1]?.id ?? '')) ?? [])).toEqual(content)
      expect(await archive.quarantineBody('999')).toBeUndefined()
    })
  })
}
