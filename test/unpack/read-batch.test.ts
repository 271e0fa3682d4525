import { describe, expect, it } from 'vitest'
import type { OpenBatch } from '../../src/store/store.ts'
import { openBatch, readAll, readBody, textOf } from './open-batch.ts'

const numbered = (count: number) =>
  Array.from({ length: count }, (_, n) => JSON.stringify({ event: 'open', event_id: `id-${n}` }))

describe('readBatch', () => {
  it('gives one last page for a full batch', () => {
    const { pages } = readBody(`{"events":[${numbered(500)}]}`)
    expect(pages).toHaveLength(1)
    expect(pages[0]).toMatchObject({ fromPiece: 0, toPiece: 500, isLast: true })
  })

  it('gives an empty last page for an empty batch', () => {
    expect(readBody('{"events":[]}').pages).toEqual([
      {
        fromPiece: 0,
        toPiece: 0,
        events: [],
        keys: new Uint8Array(0),
        unreadable: [],
        isLast: true,
      },
    ])
  })

  it('gives pages that join without a gap', () => {
    const { pages, events } = readAll(openBatch(numbered(1201).join('\n')), {
      rowsPerPage: 100,
    })
    expect(pages.map((page) => page.events.length)).toEqual([...Array<number>(12).fill(100), 1])
    expect(pages.map((page) => page.fromPiece)).toEqual(pages.map((_, n) => n * 100))
    expect(pages.map((page) => page.toPiece)).toEqual([
      ...pages.slice(1).map((page) => page.fromPiece),
      1201,
    ])
    expect(events.map((event) => event.position)).toEqual(events.map((_, n) => n))
    expect(pages.map((page) => page.isLast).lastIndexOf(false)).toBe(pages.length - 2)
  })

  it('keeps a page to about 1 MiB', () => {
    const events = Array.from({ length: 10 }, (_, n) => ({
      event: 'x',
      event_id: n,
      v: 'x'.repeat(9e5),
    }))
    const { pages } = readBody(JSON.stringify({ events }))
    expect(pages.map((page) => page.events.length)).toEqual(Array<number>(10).fill(1))
  })

  it('fills in what the provider says of an event', () => {
    const text =
      '{ "event":"soft_bounce", "event_id":"e1", "message_id":"m1",\n"email":"Zoë@Example.com", "timestamp":1768651200 }'
    const { events } = readAll(openBatch(`[${text}]`), {
      routes: ({ type, name }) => [type, `${name}`],
    })
    expect(events).toEqual([
      {
        position: 0,
        type: 'soft bounce',
        name: 'email.deferred',
        eventId: 'e1',
        messageId: 'm1',
        recipient: 'zoë@example.com',
        occurredAt: 1_768_651_200_000,
        key: expect.stringMatching(/^[\w-]{22}$/),
        content: expect.any(String),
        payload: text,
        handlers: ['soft bounce', 'email.deferred'],
      },
    ])
  })

  it('keeps a number beyond 2^53 as it was written, and tells it from its neighbour', () => {
    const event = (n: string) => `{"event":"open","event_id":"e","custom_variables":{"n":${n}}}`
    const { events } = readBody(`[${event('9007199254740993')},${event('9007199254740992')}]`)
    expect(events[0]?.payload).toContain('9007199254740993')
    expect(events[0]?.key).toBe(events[1]?.key)
    expect(events[0]?.content).not.toBe(events[1]?.content)
  })

  it('tells events with one id apart by every other field, also one that holds the id', () => {
    const event = { event: 'open', event_id: 'OM' }
    const { events } = readBody(JSON.stringify([event, { ...event, category: 'OM' }]))
    expect(events[0]?.key).toBe(events[1]?.key)
    expect(events[0]?.content).not.toBe(events[1]?.content)
  })

  it('keeps a body whose bytes have changed, and reads nothing of it', () => {
    const batch = openBatch('{"event":"open"}', { sha256: '0'.repeat(64), unpackedPieces: 0 })
    const { pages, events, unreadable } = readAll(batch)
    expect(events).toEqual([])
    expect(pages).toMatchObject([{ fromPiece: 0, toPiece: 1, isLast: true }])
    expect(unreadable).toMatchObject([
      { reason: 'corrupt', pieces: 1, start: 0, bytes: batch.body },
    ])
  })

  it('keeps a piece that we fail on and reads its neighbours, if it is to', () => {
    const body = '[{"event":"open"},{"event":"click"},{"event":"open"}]'
    const routes = ({ type }: { type: string }) => {
      if (type === 'click') throw new Error('a fault of ours')
      return []
    }
    expect(() => readAll(openBatch(body), { routes })).toThrow('a fault of ours')
    const { events, unreadable } = readAll(openBatch(body), { routes, keepsFailures: true })
    expect(events.map(({ position }) => position)).toEqual([0, 2])
    expect(unreadable).toMatchObject([{ reason: 'corrupt', position: 1, pieces: 1 }])
    expect(textOf(unreadable[0]?.bytes ?? new Uint8Array())).toBe('{"event":"click"}')
  })

  it('tells in a detail nothing of what was received', () => {
    const { unreadable } = readBody('[{"event":secret},"secret",["secret"]]')
    expect(unreadable).toHaveLength(3)
    for (const piece of unreadable) expect(piece.detail).toMatch(/^(?!.*secret).{10,}\.$/)
  })

  it('keeps the events of a page within the bits of one run', () => {
    const lines = numbered(40).flatMap((line) => [line, ...Array<string>(200).fill('7')])
    for (const { events } of readBody(lines.join('\n')).pages) {
      const [first, last] = [events[0], events.at(-1)]
      if (first && last) expect(last.position - first.position).toBeLessThan(1_024)
    }
  })

  it('reads an event of any size that the body limit lets in', () => {
    const event = { event: 'open', event_id: 'large', v: 'x'.repeat(5e6) }
    const { events, unreadable } = readBody(JSON.stringify({ events: [event] }))
    expect(unreadable).toEqual([])
    expect(events).toMatchObject([{ eventId: 'large' }])
  })

  it('says of a large envelope without events that it holds none', () => {
    const { unreadable } = readBody(JSON.stringify({ data: ['x'.repeat(1.6e6)] }))
    expect(unreadable).toMatchObject([{ reason: 'no_events' }])
  })

  it.each(['""', '7', 'null', undefined])(
    'takes an object in a list for an event whose name is %s',
    (name) => {
      const member = `{${name === undefined ? '' : `"event":${name},`}"event_id":"e","email":"a@example.com"}`
      const { events, unreadable } = readBody(`{"events":[${member}]}`)
      expect(unreadable).toEqual([])
      expect(events).toMatchObject([
        {
          type: '(no name)',
          name: undefined,
          eventId: 'e',
          recipient: 'a@example.com',
          payload: member,
        },
      ])
    },
  )

  it('puts what lies behind the first 1,048,576 pieces into quarantine as one', () => {
    const { pages, unreadable } = readBody(`{"event":"x"}\n${'1\n'.repeat(1_048_580)}`)
    expect(unreadable.at(-1)).toMatchObject({ reason: 'too_many', position: 1_048_576 })
    expect(pages.at(-1)).toMatchObject({ isLast: true, toPiece: 1_048_577 })
  })
})

describe('readBatch, resumed', () => {
  const audit = '{"event":"activity_log.user.login"}'
  const body = [
    audit,
    'bad',
    audit,
    ...numbered(3),
    'bad',
    audit,
    ...Array<string>(150).fill('bad'),
    audit,
  ].join('\n')
  const whole = readBody(body)

  it.each([0, 1, 2, 3, 7, 8, 100, 158, 159, 500])(
    'goes on at piece %i with the same keys',
    (unpackedPieces) => {
      const { pages, events, unreadable } = readAll(openBatch(body, { unpackedPieces }))
      expect(events).toEqual(whole.events.filter((event) => event.position >= unpackedPieces))
      expect(pages[0]?.fromPiece).toBe(unpackedPieces)
      expect(pages.at(-1)?.isLast).toBe(true)
      const left = Math.max(0, 159 - unpackedPieces)
      expect(events.length + unreadable.reduce((sum, { pieces }) => sum + pieces, 0)).toBe(left)
    },
  )

  it('gives keys that do not depend on the order of other events', () => {
    const reversed = readBody(body.split('\n').reverse().join('\n'))
    expect(new Set(reversed.events.map((event) => event.key))).toEqual(
      new Set(whole.events.map((event) => event.key)),
    )
    expect(new Set(whole.events.map((event) => event.key)).size).toBe(whole.events.length)
  })
})

describe('readBatch on many unreadable pieces', () => {
  it('keeps 100 apart and puts neighbours of one reason together from there on', () => {
    const body = [
      '{"event":"x"}',
      ...Array<string>(1000).fill('bad '),
      '7',
      '8',
      '{"event":"y"}',
      'bad',
    ].join('\n')
    const { events, unreadable } = readBody(body)
    expect(events).toHaveLength(2)
    expect(
      unreadable.map(({ position, pieces, reason }) => [position, pieces, reason]).slice(98),
    ).toEqual([
      [99, 1, 'invalid_json'],
      [100, 901, 'invalid_json'],
      [1001, 2, 'not_an_object'],
      [1004, 1, 'invalid_json'],
    ])
    expect(textOf(unreadable[100]?.bytes ?? new Uint8Array())).toBe('7\n8')
    expectExactBytes(openBatch(body), unreadable)
  })

  it('keeps a row below 1 MiB and a page below 20,000 pieces', () => {
    const { pages, unreadable } = readBody(`{}\n${`${' '.repeat(98)}{}\n`.repeat(50_000)}`)
    expect(unreadable.reduce((sum, { pieces }) => sum + pieces, 0)).toBe(50_001)
    expect(unreadable.length).toBeLessThan(120)
    for (const { bytes } of unreadable) expect(bytes.length).toBeLessThanOrEqual(1024 * 1024)
    for (const { fromPiece, toPiece } of pages)
      expect(toPiece - fromPiece).toBeLessThanOrEqual(5_000)
  })
})

function expectExactBytes(batch: OpenBatch, unreadable: ReturnType<typeof readBody>['unreadable']) {
  for (const { start, bytes } of unreadable) {
    expect(Buffer.compare(batch.body.subarray(start, start + bytes.length), bytes)).toBe(0)
  }
}
