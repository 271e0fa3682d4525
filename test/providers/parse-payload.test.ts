import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePayload } from '../../src/providers/read-value.ts'
import { readFixture } from './samples.ts'

describe('parsePayload', () => {
  it('reads a JSON event as it is', () => {
    const event = { event: 'open', list: [1, { a: null }], text: 'a+b%40' }
    expect(parsePayload(JSON.stringify(event))).toEqual(event)
  })

  it('keeps __proto__ as an ordinary key that changes nothing', () => {
    for (const text of ['{"__proto__":{"event":"open"}}', '__proto__=open']) {
      const event = parsePayload(text)
      expect(Object.keys(event)).toEqual(['__proto__'])
      expect(Object.getPrototypeOf(event)).toBe(Object.prototype)
      expect(event.event).toBeUndefined()
    }
  })

  it('throws where JSON was damaged', () => {
    expect(() => parsePayload('{"event":')).toThrow(SyntaxError)
  })

  it.each([
    ['legacy.form.txt', 'delivery', 'user1@example.com', 'legacy-0001'],
    ['legacy.form-unescaped.txt', 'bounce', 'user2@example.org', 'legacy-0002'],
  ])('reads the form body %s', (file, event, email, message_id) => {
    const text = readFixture(`payloads/mailtrap/${file}`).toString()
    expect(parsePayload(text)).toEqual({ event, email, message_id })
  })

  it.each([
    ['email=a+b@example.com', { email: 'a+b@example.com' }],
    ['message_id=1+2', { message_id: '1+2' }],
    ['%65mail=a+b%2Bc', { email: 'a+b+c' }],
    ['event=soft+bounce', { event: 'soft bounce' }],
    ['reason=a+%2B+b', { reason: 'a + b' }],
    ['my+field=1', { 'my field': '1' }],
    ['event=zo%C3%AB', { event: 'zoë' }],
    ['event=%F0%9F%8E%89', { event: '🎉' }],
    ['event=100%&x=%zz', { event: '100%', x: '%zz' }],
    ['event=%FF', { event: '\uFFFD' }],
    ['event=a=b', { event: 'a=b' }],
    ['event=open&event=click', { event: 'open' }],
    ['event=open&&=5&flag&', { event: 'open', flag: '' }],
    ['event=open\r\n', { event: 'open' }],
    ['', {}],
  ])('reads the form text %j', (text, event) => {
    expect(parsePayload(text)).toEqual(event)
  })

  it('agrees with the form encoding of the platform', () => {
    const names = fc.string({ minLength: 1, unit: 'binary' })
    const fields = fc.dictionary(names, fc.string({ unit: 'binary' }), { maxKeys: 5 })
    fc.assert(
      fc.property(fields, (event) => {
        const text = new URLSearchParams({ event: 'x', ...event }).toString()
        expect({ ...parsePayload(text) }).toEqual({ event: 'x', ...event })
      }),
    )
  })
})
