import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalText } from '../../src/unpack/key.ts'

const canonical = (text: string, id?: string) =>
  canonicalText(JSON.parse(text), text, id === undefined ? undefined : { key: 'id', value: id })

describe('canonicalText', () => {
  it.each([
    ['key order', '{"a":1,"b":{"c":2,"d":3}}', '{"b":{"d":3,"c":2},"a":1}'],
    ['spacing', '{"a":[1,"x y"]}', ' {\n"a" : [ 1 ,\t"x y" ] }'],
    ['escapes', '{"a":"<é😀/"}', '{"\\u0061":"\\u003c\\u00e9\\ud83d\\ude00\\/"}'],
    ['the spelling of a harmless number', '{"a":1.50,"b":100}', '{"a":1.5,"b":1e2}'],
    [
      'order and spacing beside a large number',
      '{"a":9007199254740993,"b":1.0}',
      '{ "b":1, "a": 9007199254740993 }',
    ],
  ])('disregards %s', (_, one, other) => {
    expect(canonical(one)).toBe(canonical(other))
  })

  it.each([
    ['9007199254740993', '9007199254740992'],
    ['-9007199254740993', '-9007199254740992'],
    ['[9007199254740993]', '[9007199254740992]'],
    ['0.12345678901234567', '0.12345678901234568'],
    ['1234567.8901234567891', '1234567.8901234567892'],
    ['1e400', '1e401'],
    ['1e-400', '2e-400'],
    ['1', '"1"'],
    ['null', '"null"'],
    ['{}', '[]'],
    ['[1,2]', '[2,1]'],
    ['[[],1]', '[[1]]'],
    ['"\\ud800"', '"\\ud801"'],
    ['"\\ud800"', '"\\ufffd"'],
    ['"é"', '"e\\u0301"'],
    ['{"__proto__":1}', '{}'],
    ['{"__proto__":1}', '{"__proto__":2}'],
    ['9007199254740993', '"\\u0000number 9007199254740993"'],
  ])('tells %s from %s', (one, other) => {
    const hashable = (value: string) => Buffer.from(canonical(`{"event":"x","v":${value}}`))
    expect(hashable(one)).not.toEqual(hashable(other))
  })

  it('leaves out one member with one value, at the top only', () => {
    const other = canonical('{"v":{"id":"7"}}')
    expect(canonical('{"id":"7","v":{"id":"7"}}', '7')).toBe(other)
    expect(canonical('{"id":"8","v":{"id":"7"}}', '7')).not.toBe(other)
    expect(canonical('{"id":"7","v":{"id":"7"},"other":"7"}', '7')).not.toBe(other)
  })

  it('takes the fields of a form, whatever its text looks like', () => {
    const text = 'event=x&n=[12345678901234567890'
    expect(canonicalText({ event: 'x' }, text)).toBe(canonicalText({ event: 'x' }, 'event=x'))
  })

  it('is equal for equal values and different for different ones', () => {
    const json = fc.dictionary(fc.string(), fc.jsonValue())
    fc.assert(
      fc.property(json, json, (one, other) => {
        const texts = [JSON.stringify(one), JSON.stringify(other, undefined, 2)] as const
        const isSame = sortDeep(JSON.parse(texts[0])) === sortDeep(JSON.parse(texts[1]))
        expect(canonical(texts[0]) === canonical(texts[1])).toBe(isSame)
        expect(canonical(JSON.stringify(one, undefined, 1))).toBe(canonical(texts[0]))
      }),
    )
  })
})

/** A slow second implementation. */
function sortDeep(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1))
      : part,
  )
}
