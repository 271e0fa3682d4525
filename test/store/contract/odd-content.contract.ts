import { describe, expect, it } from 'vitest'
import {
  claimOf,
  endAll,
  eventsOf,
  keep,
  progressOf,
  sampleEvent,
  samplePiece,
} from '../sample-rows.ts'
import { type StoreHarness, storeForEachTest } from '../store-harness.ts'

const MEGABYTE = 2 ** 20
const ODD = {
  'nothing at all': '',
  NUL: 'a\0b\0',
  'halves of surrogate pairs': '\ud800 \udc00\ud800',
  'a replacement character': '\ufffd',
  quotes: `'"\\$1;--\`{}[],`,
  'line ends': '\r\n\t\u2028',
  'other planes': '\u{1f389}\u{10ffff}',
  'a megabyte': 'x'.repeat(MEGABYTE),
} as const

/** What every engine does with content that nobody expects: it is kept, and harms nothing beside it. */
export function describeOddContent(engine: string, harness: StoreHarness): void {
  describe(`odd content in a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const getEvent = (event: number | undefined) => tested.store.archive.getEvent(String(event))

    it.each(Object.entries(ODD))(
      'keeps an event with %s in its id, type, recipient and message, and runs it',
      async (_, text) => {
        const odd = sampleEvent({
          eventId: `${text}!`,
          type: text,
          recipient: text,
          messageId: text,
        })
        const { events } = await keep(tested.store, [sampleEvent(), odd, sampleEvent()])
        expect(events).toHaveLength(3)
        await tested.restart()
        const found = await getEvent(events[1])
        expect(found).toMatchObject({ state: 'pending', payload: odd.payload })
        if (!/[\0\ud800-\udfff]/.test(text) || text === ODD['other planes']) {
          expect(found).toMatchObject({
            eventId: `${text}!`,
            type: text,
            recipient: text,
            messageId: text,
          })
        }
        expect(await tested.store.archive.stats()).toMatchObject({ events: { total: 3 } })
        const [run] = await tested.store.claimRuns(claimOf('counter'))
        expect(eventsOf(run!)).toEqual(events)
        const progress = [progressOf(run!, { kind: 'done' })]
        expect((await tested.store.commit({ pages: [], progress, jobs: [] })).refused).toBe(0)
        expect(await keep(tested.store, [odd])).toMatchObject({ stored: 0, duplicates: 1 })
      },
    )
    it('finds nothing and breaks nothing when asked for odd texts', async () => {
      await keep(tested.store, [sampleEvent()])
      for (const text of Object.values(ODD).filter((one) => one !== '')) {
        for (const name of ['eventId', 'recipient', 'messageId', 'type', 'source'] as const) {
          expect((await tested.store.archive.listEvents({ [name]: text })).rows).toEqual([])
        }
      }
    })
    it('keeps an event of 9 MB, and its bytes with a job of it', async () => {
      const payload = `{"event":"open","text":"${'é\\u0000'.repeat((9 * MEGABYTE) / 8)}"}`
      const { events } = await keep(tested.store, [
        sampleEvent(),
        sampleEvent({ payload }),
        sampleEvent(),
      ])
      await endAll(tested.store, { kind: 'retry', error: 'busy', delayMs: 0 })
      const jobs = await tested.store.claimJobs(claimOf('counter'))
      const job = jobs.find(({ event }) => event === events[1])
      expect(Buffer.from(job!.payload).equals(Buffer.from(payload))).toBe(true)
      expect((await getEvent(events[1]))?.payload === payload).toBe(true)
    })
    it('keeps unreadable pieces of any bytes, and what was said of them', async () => {
      const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
      const detail = 'quotes \'" and NUL-free words'
      const pieces = [every, Buffer.alloc(0), Buffer.alloc(3 * MEGABYTE, 0xff)]
      await keep(
        tested.store,
        pieces.map((content) => samplePiece({ content, detail })),
      )
      const { rows } = await tested.store.archive.listQuarantine({})
      expect(rows.map((row) => row.bytes)).toEqual(pieces.map(({ length }) => length).reverse())
      for (const [index, row] of rows.entries()) {
        expect(row.detail).toBe(detail)
        const body = Buffer.from((await tested.store.archive.quarantineBody(row.id)) ?? [])
        expect(Buffer.compare(body, pieces[pieces.length - 1 - index]!)).toBe(0)
      }
    })
    it.each([0, -1, 1, 253_402_300_799_999, -62_135_596_800_000])(
      'keeps an event that says it happened at %d',
      async (occurredAt) => {
        const { events } = await keep(tested.store, [sampleEvent({ occurredAt })])
        expect(await getEvent(events[0])).toMatchObject({ occurredAt, state: 'pending' })
      },
    )
    it('keeps a source and a type that sound like those of an object', async () => {
      const names = ['__proto__', 'constructor', 'toString']
      for (const name of names)
        await keep(tested.store, [sampleEvent({ type: name })], { source: name })
      const stats = await tested.store.archive.stats()
      for (const name of names)
        expect(Object.entries(stats.events.byType)).toContainEqual([name, 1])
    })
  })
}
