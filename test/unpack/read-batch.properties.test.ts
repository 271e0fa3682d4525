import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PROVIDERS } from '../../src/providers/providers.ts'
import { PieceReader } from '../../src/unpack/read-piece.ts'
import { splitPieces } from '../../src/unpack/split-pieces.ts'
import { openBatch, type ReadResult, readAll, readBody, textOf } from './open-batch.ts'

const RUNS = { numRuns: 300 }

const event = fc
  .record({
    event: fc.string({ minLength: 1 }).map((text) => `name ${text}`),
    event_id: fc.option(fc.uuid(), { nil: undefined }),
    v: fc.jsonValue({ maxDepth: 5 }),
  })
  .map((value) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>)
const events = fc.array(event, { minLength: 1, maxLength: 12 })
const space = fc.constantFrom('', ' ', '\n', '\r\n\t', '  ')
const shape = fc.constantFrom('envelope', 'array', 'lines')

/** The same content, spelled differently; on one line, so that it may be a line. */
function respell(value: unknown, seed: number): string {
  if (Array.isArray(value)) return `[ ${value.map((part) => respell(part, seed + 1)).join(' ,')}]`
  if (typeof value === 'string') return escapeSome(value, seed)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([key, part]) => `${escapeSome(key, seed)} :${respell(part, seed + 1)}`,
  )
  return `{${(seed % 2 ? members.reverse() : members).join(', ')} }`
}

function escapeSome(text: string, seed: number): string {
  const units = Array.from({ length: text.length }, (_, n) => text.charCodeAt(n))
  const isPair = (unit: number) => unit >= 0xd800 && unit < 0xe000
  return `"${units
    .map((unit, n) =>
      (n + seed) % 3 === 0 || isPair(unit)
        ? `\\u${unit.toString(16).padStart(4, '0')}`
        : JSON.stringify(String.fromCharCode(unit)).slice(1, -1),
    )
    .join('')}"`
}

function wrap(texts: readonly string[], kind: string, gap: string): string {
  if (kind === 'lines') return `${texts.join('\n')}\n`
  const array = `[${gap}${texts.join(`${gap},${gap}`)}${gap}]`
  return kind === 'array' ? array : `{${gap}"events"${gap}:${array}}`
}

const keysOf = ({ events }: ReadResult) => events.map(({ key }) => key).sort()
const isObject = (value: unknown) =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).length > 0
const isName = (value: unknown) =>
  typeof value === 'object' && value !== null && 'event' in value && typeof value.event === 'string'

describe('readBatch on any list of events', () => {
  it('gives the same keys and contents in any shape, order and spelling', () => {
    fc.assert(
      fc.property(events, shape, space, fc.nat(), fc.nat(), (list, kind, gap, shift, seed) => {
        const turned = list.map((_, n) => list[(n + shift) % list.length])
        const plain = readBody(JSON.stringify({ events: list }))
        const other = readBody(
          wrap(
            turned.map((value) => respell(value, seed)),
            kind,
            gap,
          ),
        )

        expect(plain.events).toHaveLength(list.length)
        expect(other.unreadable).toEqual([])
        expect(keysOf(other)).toEqual(keysOf(plain))
        const contents = (result: ReadResult) => result.events.map(({ content }) => content).sort()
        expect(contents(other)).toEqual(contents(plain))
      }),
      RUNS,
    )
  })

  it('keeps each text exactly', () => {
    fc.assert(
      fc.property(events, shape, space, fc.nat(), (list, kind, gap, seed) => {
        const texts = list.map((value) => respell(value, seed))
        const result = readBody(wrap(texts, kind, gap))
        expect(result.events.map(({ payload }) => payload)).toEqual(texts)
      }),
      RUNS,
    )
  })

  it('loses one of N when one is spoiled', () => {
    const rubbish = fc.constantFrom(
      'nonsense',
      '{"event":}',
      '{"event":"x",}',
      '[]',
      '0',
      '{"event":"\\x"}',
      '"',
    )
    fc.assert(
      fc.property(events, shape, space, fc.nat(), rubbish, (list, kind, gap, at, spoiled) => {
        fc.pre(kind === 'lines' || spoiled !== '"')
        fc.pre(kind !== 'lines' || list.length > 1)
        const texts = list.map((value) => JSON.stringify(value))
        texts[at % texts.length] = spoiled
        const { events: read, unreadable } = readBody(wrap(texts, kind, gap))
        expect(read.map(({ payload }) => payload)).toEqual(texts.filter((text) => text !== spoiled))
        expect(unreadable.map(({ bytes }) => textOf(bytes))).toEqual([spoiled])
      }),
      RUNS,
    )
  })

  it('goes on from any piece as if never stopped', () => {
    fc.assert(
      fc.property(
        events,
        shape,
        fc.nat(14),
        fc.integer({ min: 1, max: 4 }),
        (list, kind, at, size) => {
          const body = wrap(
            [...list, ...list].map((value) => JSON.stringify(value)),
            kind,
            '',
          )
          const rest = readAll(openBatch(body, { unpackedPieces: at }), { rowsPerPage: size })
          expect(rest.events).toEqual(readBody(body).events.slice(at))
        },
      ),
      RUNS,
    )
  })
})

describe('readBatch on any JSON', () => {
  it('agrees with JSON.parse of the whole body', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.array(fc.oneof(event, fc.jsonValue())),
        shape,
        (value, list, kind) => {
          const bodies = [
            JSON.stringify(value),
            wrap(
              list.map((part) => JSON.stringify(part)),
              kind,
              ' ',
            ),
          ]
          for (const body of kind === 'lines' ? bodies.slice(0, 1) : bodies) {
            expect(readBody(body).events.map(({ payload }) => JSON.parse(payload))).toEqual(
              eventsOf(JSON.parse(body)),
            )
          }
        },
      ),
      RUNS,
    )
  })
})

describe('readBatch on any bytes', () => {
  const BRACE = Buffer.from('}')
  const PIECE_MARK = '\ue000'
  const BRACE_MARK = '\ue001'
  /** What random bytes found. */
  const BRACE_CLOSES_ARRAY = ['{"events":[},event=a&b=c}', '{"events":[},"event"}'].map(
    (text): [Uint8Array<ArrayBuffer>, undefined] => [new Uint8Array(Buffer.from(text)), undefined],
  )
  const token = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '\n',
    ' ',
    '"events"',
    '"event"',
    '"x"',
    '1',
    '\ufeff',
    'event=a&b=c',
    '{"event":"x"}',
    '{"events":[',
  )
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .array(token, { maxLength: 25 })
      .map((tokens) => new Uint8Array(Buffer.from(tokens.join('')))),
  )

  it('never throws, and copies each event and unreadable piece from the body in order', () => {
    fc.assert(
      fc.property(
        bytes,
        fc.option(fc.constant('application/x-www-form-urlencoded'), { nil: undefined }),
        (body, label) => {
          const { pages, events: read, unreadable } = readBody(body, label)
          expect(pages.at(-1)?.isLast).toBe(true)
          const kept = new Map([
            ...read.map(({ position, payload }) => [position, Buffer.from(payload)] as const),
            ...unreadable.map(
              ({ position, bytes: part }) => [position, Buffer.from(part)] as const,
            ),
          ])
          const pieces = [...splitPieces(body, label, new PieceReader(body, PROVIDERS.mailtrap))]
          expect(kept.size).toBe(pieces.length)
          let at = 0
          let outline = ''
          for (const [position, { start, end }] of pieces.entries()) {
            expect(start).toBeGreaterThanOrEqual(at)
            const bytes = Buffer.from(body.subarray(start, end))
            expect(kept.get(position)).toEqual(bytes)
            outline += Buffer.from(body.subarray(at, start)).toString()
            outline += bytes.equals(BRACE) ? BRACE_MARK : PIECE_MARK
            at = end
          }
          expectEnvelope(outline + Buffer.from(body.subarray(at)).toString())
        },
      ),
      { numRuns: 3000, examples: BRACE_CLOSES_ARRAY },
    )
  })
})

/**
 * Around the pieces, each of which stands as one mark, is white space, commas and the brackets and
 * members of an envelope. A brace may close an array in the bracket's place; it is a piece then.
 */
function expectEnvelope(outline: string): void {
  const isBare = /^\ufeff?[\s,\ue000\ue001]*$/.test(outline)
  const isArray = /^\ufeff?\s*\[[\s,\ue000\ue001]*\]\s*$/.test(outline)
  const isObject =
    /^\ufeff?\s*\{[\s\S]*\}\s*$/.test(outline) && /\[[\s,\ue000\ue001]*[\]\ue001]/.test(outline)
  expect({ outline, isEnvelope: isBare || isArray || isObject }).toEqual({
    outline,
    isEnvelope: true,
  })
}

function eventsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.filter(isObject)
  if (isName(value)) return [value]
  if (typeof value === 'object' && value !== null && 'events' in value) {
    return Array.isArray(value.events) ? value.events.filter(isObject) : []
  }
  return []
}
