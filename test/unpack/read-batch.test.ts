import { describe, expect, it } from 'vitest'
import type { OpenBatch } from '../../src/store/store.ts'
import { openBatch, readAll, readBody, textOf } from './open-batch.ts'

const numbered = (count: number) =>
  Array.from({ length: count }, (_, n) => JSON.stringify({ event: 'open', event_id: `id-${n}` }))

describe('readBatch', () => {
  it('gives one last chunk for a full batch', () => {
    const { chunks } = readBody(`{"events":[${numbered(500)}]}`)
    expect(chunks).toHaveLength(1)
    expect(chunks[0]).toMatchObject({ batch: 'batch-1', fromPiece: 0, toPiece: 500, isLast: true })
  })

  it('gives an empty last chunk for an empty batch', () => {
    expect(readBody('{"events":[]}').chunks).toEqual([
      { batch: 'batch-1', fromPiece: 0, toPiece: 0, events: [], unreadable: [], isLast: true },
    ])
  })

  it('gives chunks that join without a gap', () => {
    const { chunks, events } = readAll(openBatch(numbered(1201).join('\n')), {
      piecesPerChunk: 100,
    })
    expect(chunks.map((chunk) => chunk.events.length)).toEqual([...Array<number>(12).fill(100), 1])
    expect(chunks.map((chunk) => chunk.fromPiece)).toEqual(chunks.map((_, n) => n * 100))
    expect(chunks.map((chunk) => chunk.toPiece)).toEqual([
      ...chunks.slice(1).map((chunk) => chunk.fromPiece),
      1201,
    ])
    expect(events.map((event) => event.position)).toEqual(events.map((_, n) => n))
    expect(chunks.map((chunk) => chunk.isLast).lastIndexOf(false)).toBe(chunks.length - 2)
  })

  it('keeps a chunk to about 2 MiB', () => {
    const events = Array.from({ length: 10 }, (_, n) => ({
      event: 'x',
      event_id: n,
      v: 'x'.repeat(9e5),
    }))
    const { chunks } = readBody(JSON.stringify({ events }))
    expect(chunks.map((chunk) => chunk.events.length)).toEqual([2, 2, 2, 2, 2])
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
        digest: expect.stringMatching(/^[\w-]{12}$/),
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
    expect(events[0]?.digest).not.toBe(events[1]?.digest)
  })

  it('tells events with one id apart by every other field, also one that holds the id', () => {
    const event = { event: 'open', event_id: 'OM' }
    const { events } = readBody(JSON.stringify([event, { ...event, category: 'OM' }]))
    expect(events[0]?.key).toBe(events[1]?.key)
    expect(events[0]?.digest).not.toBe(events[1]?.digest)
  })

  it('makes the digests that earlier versions made, so that what they stored stays a duplicate', () => {
    const mailtrap =
      '{"event":"open","event_id":"e-1","email":"a@example.com","timestamp":1768651200,"n":9007199254740993,"custom_variables":{"id":"7","list":[1,null,true]}}'
    const mailingApi = '{"type":"delivered","id":"evt_1","data":{"to":["a@example.com"]}}'
    const digestOf = (text: string, provider: 'mailtrap' | 'mailingapi') =>
      readAll(openBatch(text, { provider })).events[0]?.digest
    expect(digestOf(mailtrap, 'mailtrap')).toBe('HuiOP5y85Nhc')
    expect(digestOf(mailtrap.replace('"e-1"', '12'), 'mailtrap')).toBe('_UJxEY8y4eXH')
    expect(digestOf(mailingApi, 'mailingapi')).toBe('xVNQJF93acjt')
  })

  it('keeps a body whose bytes have changed, and reads nothing of it', () => {
    const batch = openBatch('{"event":"open"}', { sha256: '0'.repeat(64), unpackedPieces: 0 })
    const { chunks, events, unreadable } = readAll(batch)
    expect(events).toEqual([])
    expect(chunks).toMatchObject([{ fromPiece: 0, toPiece: 1, isLast: true }])
    expect(unreadable).toMatchObject([
      { reason: 'corrupt', pieces: 1, byteOffset: 0, bytes: batch.body },
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
    const { unreadable } = readBody('[{"event":secret},"secret",{"secret":1}]')
    expect(unreadable).toHaveLength(3)
    for (const piece of unreadable) expect(piece.detail).toMatch(/^(?!.*secret).{10,}\.$/)
  })

  it('does not drag the body along with a small unreadable piece', () => {
    const { unreadable } = readBody(`[1,${numbered(1000)}]`)
    expect(unreadable[0]?.bytes.buffer.byteLength).toBe(1)
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
      const { chunks, events, unreadable } = readAll(openBatch(body, { unpackedPieces }))
      expect(events).toEqual(whole.events.filter((event) => event.position >= unpackedPieces))
      expect(chunks[0]?.fromPiece).toBe(unpackedPieces)
      expect(chunks.at(-1)?.isLast).toBe(true)
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

  it('keeps a row below 1 MiB and a chunk below 20,000 pieces', () => {
    const { chunks, unreadable } = readBody(`{}\n${`${' '.repeat(98)}{}\n`.repeat(50_000)}`)
    expect(unreadable.reduce((sum, { pieces }) => sum + pieces, 0)).toBe(50_001)
    expect(unreadable.length).toBeLessThan(120)
    for (const { bytes } of unreadable) expect(bytes.length).toBeLessThanOrEqual(1024 * 1024)
    for (const { fromPiece, toPiece } of chunks)
      expect(toPiece - fromPiece).toBeLessThanOrEqual(20_000)
  })
})

function expectExactBytes(batch: OpenBatch, unreadable: ReturnType<typeof readBody>['unreadable']) {
  for (const { byteOffset, bytes } of unreadable) {
    expect(Buffer.compare(batch.body.subarray(byteOffset, byteOffset + bytes.length), bytes)).toBe(
      0,
    )
  }
}
