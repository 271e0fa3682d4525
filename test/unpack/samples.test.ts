import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openBatch, readAll, readBody } from './open-batch.ts'

const FOLDER = new URL('../../fixtures/payloads/mailtrap/', import.meta.url)
const FORM = 'application/x-www-form-urlencoded'

/** Events, different keys, unreadable reasons; one event and none unreadable unless said. */
interface Expectation {
  readonly events: number
  readonly keys?: number
  readonly reasons?: readonly string[]
}

const EXPECTED: Readonly<Record<string, Expectation>> = {
  'audit.two-events.jsonl': { events: 2 },
  'dedupe.identical-audit-twice.json': { events: 2 },
  'dedupe.same-event-twice.json': { events: 2, keys: 1 },
  'dedupe.same-id-different-content.json': { events: 2, keys: 1 },
  'inbound.batch.json': { events: 4 },
  'inbound.same-message-other-event-id.json': { events: 2, keys: 1 },
  'mixed.families.jsonl': { events: 4 },
  'quarantine.mixed-members.json': {
    events: 4,
    reasons: Array<string>(4).fill('not_an_object'),
  },
  'quarantine.no-events-array.json': { events: 0, reasons: ['no_events'] },
  'quarantine.one-bad-line.txt': { events: 2, reasons: ['invalid_json'] },
  'quarantine.truncated-json.txt': { events: 0, reasons: ['invalid_json'] },
  'run-test.real-ids-bounce.json': { events: 2 },
  'run-test.real-ids-delivery.json': { events: 2 },
  'run-test.sending-bounce.json': { events: 2 },
  'run-test.sending-delivery.json': { events: 2 },
  'run-test.sending-new-form.json': { events: 2 },
  'sending.all-nine.jsonl': { events: 9 },
  'sending.batch.json': { events: 5 },
  'sending.crlf-and-blank-lines.jsonl': { events: 2 },
  'sending.no-final-newline.jsonl': { events: 2 },
  'shape.empty-batch.json': { events: 0 },
  'shape.top-level-array.json': { events: 2 },
  'tolerance.api-spellings.json': { events: 2 },
  'tolerance.unknown-bounce-category.json': { events: 2 },
}

const names = readdirSync(FOLDER).filter((name) => name !== 'request.headers.json')

describe('readBatch on the sample bodies', () => {
  it.each(names)('reads %s', (name) => {
    const body = readFileSync(new URL(name, FOLDER))
    const expected = EXPECTED[name] ?? { events: 1 }

    const { events, unreadable, pages } = readBody(
      body,
      name.endsWith('l') ? 'application/jsonl' : undefined,
    )

    expect(events).toHaveLength(expected.events)
    expect(new Set(events.map((event) => event.key)).size).toBe(expected.keys ?? expected.events)
    expect(unreadable.map((piece) => piece.reason)).toEqual(expected.reasons ?? [])
    expect(pages.at(-1)?.isLast).toBe(true)
    for (const event of events) expect(body.includes(event.payload)).toBe(true)
    for (const piece of unreadable) {
      const slice = body.subarray(piece.start, piece.start + piece.bytes.length)
      expect(Buffer.compare(slice, piece.bytes)).toBe(0)
    }
  })

  it.each(['legacy.form.txt', 'legacy.form-unescaped.txt'])('reads %s with any label', (name) => {
    const body = readFileSync(new URL(name, FOLDER))
    for (const contentType of [FORM, `${FORM}; charset=utf-8`, 'application/json', undefined]) {
      const { events, unreadable } = readBody(body, contentType)

      expect(unreadable).toEqual([])
      expect(events.map((event) => event.payload)).toEqual([body.toString()])
      expect(events[0]?.recipient).toContain('@example.')
    }
  })

  it.each(names.filter((name) => name.endsWith('.json')))(
    'reads %s the same when it is labelled as form data',
    (name) => {
      const body = readFileSync(new URL(name, FOLDER))
      expect(readBody(body, FORM)).toEqual(readBody(body))
    },
  )

  it('gives events of the test button to no handler', () => {
    const event = { event: 'delivery', event_id: 'bede7236-2284-43d6-a953-1fdcafd0fdbc' }
    const { events } = readBody(
      JSON.stringify({ events: [event, { event: 'open', event_id: 'x' }] }),
    )
    expect(events.map(({ handlers }) => handlers)).toEqual([[], ['all']])
  })

  it('reads a MailingAPI event, which is named by its type', () => {
    const folder = new URL('../../fixtures/payloads/mailingapi/', import.meta.url)
    for (const name of readdirSync(folder).filter((name) => name.startsWith('event.'))) {
      const body = readFileSync(new URL(name, folder))
      const { events } = readAll(openBatch(body, { provider: 'mailingapi', source: 'mailingapi' }))
      expect(events.map((event) => event.payload)).toEqual([body.toString().trim()])
    }
  })
})
