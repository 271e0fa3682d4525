import { describe, expect, it } from 'vitest'
import type { Redaction } from '../../src/model.ts'
import { createRedact, hashText } from '../../src/unpack/redact.ts'
import { openBatch, readAll } from './open-batch.ts'

const KEY = 'a key that nobody knows'

function rules(overrides: Partial<Redaction['common']> = {}): Redaction {
  return { key: KEY, common: { drop: [], hash: [], ...overrides }, bySource: {} }
}

function redact(event: object | string, redaction: Redaction) {
  const text = typeof event === 'string' ? event : JSON.stringify(event)
  return createRedact(redaction, 'mailtrap')?.(text)?.text
}

describe('redacting an event', () => {
  it('drops fields, also within others and in lists', () => {
    const event = { event: 'x', ip: '192.0.2.1', user: { ip: 1, id: 2 }, to: [{ ip: 1 }, { b: 2 }] }
    expect(redact(event, rules({ drop: ['ip', 'user.ip', 'to.ip', 'none.ip'] }))).toBe(
      '{"event":"x","user":{"id":2},"to":[{},{"b":2}]}',
    )
  })

  it('hashes fields so that the same address stays the same, in any case', () => {
    const redaction = rules({ hash: ['email', 'cc', 'n', 'gone', 'empty'] })
    const event = {
      email: 'Ann@Example.com ',
      cc: ['bob@example.com'],
      n: 12,
      gone: null,
      empty: '',
    }
    const hash = (text: string) => hashText(KEY, text)
    expect(JSON.parse(redact(event, redaction) ?? '')).toEqual({
      email: hash('ann@example.com'),
      cc: [hash('bob@example.com')],
      n: hash('12'),
      gone: null,
      empty: '',
    })
    expect(hash('ann@example.com')).toMatch(/^hashed:[0-9a-f]{32}$/)
    expect(hashText('another key', 'ann@example.com')).not.toBe(hash('ann@example.com'))
  })

  it('changes nothing else: numbers stay as they were written, order as it was', () => {
    const text = '{"z":12345678901234567890, "ip":"1", "a":0.10000000000000000001,"u":"é\\u0041"}'
    expect(redact(text, rules({ drop: ['ip'] }))).toBe(
      '{"z":12345678901234567890,"a":0.10000000000000000001,"u":"éA"}',
    )
    expect(redact('{"event" : "x"}', rules({ drop: ['ip'] }))).toBeUndefined()
  })

  it.each([
    ['{"a":"\\u0000number abc"}'],
    ['{"a":"\\u0000number 12"}'],
    ['{"a":"\\u0000\\u0000number 12"}'],
    ['{"a":"b\\"\\u0000number 12"}'],
    ['{"\\u0000number 12":["\\u0000",12345678901234567890]}'],
  ])('takes no text for a number: %s', (text) => {
    expect(redact(`${text.slice(0, -1)},"ip":"1"}`, rules({ drop: ['ip'] }))).toBe(text)
  })

  it('never reaches beyond the fields of the event itself', () => {
    const event = '{"event":"x","__proto__":{"ip":1}}'
    expect(redact(event, rules({ drop: ['__proto__.ip', 'toString', 'constructor.name'] }))).toBe(
      '{"event":"x","__proto__":{}}',
    )
  })

  it('goes by the rules of the source, if it has some', () => {
    const redaction: Redaction = {
      ...rules({ drop: ['ip'] }),
      bySource: { audit: { drop: [], hash: ['ip'] }, open: undefined },
    }
    expect(createRedact(redaction, 'open')).toBeUndefined()
    const audit = createRedact(redaction, 'audit')?.('{"ip":"1"}')
    expect(audit?.event).toEqual({ ip: hashText(KEY, '1') })
    expect(createRedact(redaction, 'other')?.('{"ip":"1"}')?.text).toBe('{}')
  })
})

describe('a batch of a source that is redacted', () => {
  const EVENTS = [
    { event: 'open', event_id: 'one', email: 'Ann@example.com', message_id: 'm', ip: '192.0.2.1' },
    { event: 'delivery', event_id: 'two', email: 'bob@example.com', message_id: 'n' },
  ]
  const body = JSON.stringify({ events: EVENTS })
  const redaction = rules({ drop: ['ip', 'message_id'], hash: ['email'] })

  it('keeps what is looked up as redacted, and tells events as they came', () => {
    const plain = readAll(openBatch(body)).events
    const { events } = readAll(openBatch(body), { redaction })
    expect(JSON.stringify(events)).not.toMatch(/ann@|bob@|192\.0/i)
    expect(events).toMatchObject([
      {
        type: 'open',
        eventId: 'one',
        recipient: hashText(KEY, 'ann@example.com'),
        messageId: undefined,
        occurredAt: plain[0]?.occurredAt,
      },
      { type: 'delivery', handlers: ['all'] },
    ])
    const keys = (list: typeof events) => list.map(({ key }) => key)
    expect(keys(events)).toEqual(keys(plain))
    expect(JSON.parse(events[1]?.payload ?? '')).toEqual({
      event: 'delivery',
      event_id: 'two',
      email: hashText(KEY, 'bob@example.com'),
    })
  })

  it('keeps the bytes of a piece that cannot be read', () => {
    const { unreadable } = readAll(
      openBatch('{"event":"open","ip":"192.0.2.1"\n{"event":"open"}'),
      {
        redaction,
      },
    )
    expect(unreadable.map(({ bytes }) => Buffer.from(bytes).toString()).join()).toContain(
      '192.0.2.1',
    )
  })
})
