import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanText, readId } from '../../src/providers/read-value.ts'

describe('cleanText', () => {
  it.each([
    ['plain', 'plain'],
    ['zoë 🎉', 'zoë 🎉'],
    ['a\0b', 'a\uFFFDb'],
    ['a\ud83cb', 'a\uFFFDb'],
    ['\udf89', '\uFFFD'],
    ['x'.repeat(5_000), 'x'.repeat(1_024)],
    [`${'x'.repeat(1_023)}🎉`, `${'x'.repeat(1_023)}\uFFFD`],
  ])('makes %j fit', (value, expected) => {
    expect(cleanText(value)).toBe(expected)
  })

  it.each(['', undefined, null, 5, [], {}, true])('makes nothing of %j', (value) => {
    expect(cleanText(value)).toBeUndefined()
  })

  it('gives what UTF-8 carries without loss', () => {
    const units = fc.array(fc.nat(0xffff), { maxLength: 50 })
    fc.assert(
      fc.property(units, (codes) => {
        const text = cleanText(String.fromCharCode(...codes)) ?? ''
        expect(Buffer.from(text).toString()).toBe(text)
        expect(text).not.toContain('\0')
        expect(text).toHaveLength(codes.length)
      }),
    )
  })
})

describe('readId', () => {
  it.each([
    ['evt_1', 'evt_1'],
    ['0104729385610293847', '0104729385610293847'],
    [77, '77'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [2 ** 53, undefined],
    [1.5, undefined],
    [Number.NaN, undefined],
    ['', undefined],
    ['x'.repeat(1_024), 'x'.repeat(1_024)],
    // Only to be shown: what tells events apart is the id as received.
    ['x'.repeat(1_025), 'x'.repeat(1_024)],
    [null, undefined],
    [['evt_1'], undefined],
  ])('reads %j as %j', (value, expected) => {
    expect(readId(value)).toBe(expected)
  })
})
