import { describe, expect, it } from 'vitest'
import { createTraceFinder } from '../../../src/store/trace-finder.ts'
import { blankTraces, isBlank } from '../../../src/store/upkeep/erase-content.ts'
import { loadedMs } from '../../loaded-ms.ts'

const finder = createTraceFinder(['ann@example.com'])

/** The text after the person was taken out, `_` for every byte that was overwritten. */
function blank(text: string, encoding: BufferEncoding = 'utf8'): string {
  const before = Buffer.from(text, encoding)
  const after = Buffer.from(before)
  blankTraces(after, { start: 0, end: after.length }, finder)
  expect(after).toHaveLength(before.length)
  expect(finder.isInBytes(after)).toBe(false)
  const shown = after.map((byte, at) => (byte === before[at] ? byte : 0x5f))
  return Buffer.from(shown).toString(encoding)
}
const gone = (text: string) => text.replaceAll(/[^ ]/g, '_')

const ANN = '{"email":"ann@example.com","n":1}'
const BOB = '{"email":"bob@example.com","n":1}'

describe('taking a person out of bytes', () => {
  it('takes the innermost object', () => {
    expect(blank(`{"data":[${BOB},${ANN},${BOB}]}`)).toBe(`{"data":[${BOB},${gone(ANN)},${BOB}]}`)
    expect(blank(`[${ANN},{"p":${ANN},"n":2},${BOB}`)).toBe(
      `[${gone(ANN)},{"p":${gone(ANN)},"n":2},${BOB}`,
    )
  })

  it('takes only the text where the object holds others', () => {
    expect(blank(`{"to":"ann@example.com","data":[${BOB}]}`)).toBe(
      `{"to":"${gone('ann@example.com')}","data":[${BOB}]}`,
    )
  })

  it('takes what stands alone as a whole, also when it is broken', () => {
    for (const text of [
      ANN,
      '{"email":"ann@example.com"',
      '{"email":"ann@example.com',
      'ann@example.com',
    ]) {
      expect(blank(text)).toBe(gone(text))
    }
  })

  it('takes the line of what is no JSON', () => {
    expect(blank('email=bob%40example.com\nemail=ann%40example.com&n=1\nn=2')).toBe(
      `email=bob%40example.com\n${gone('email=ann%40example.com&n=1')}\nn=2`,
    )
  })

  it('takes nobody along behind a text or an object that is never closed', () => {
    const torn = '{"email":"ann@example.com'
    expect(blank(`${torn}\n${BOB}\n${ANN}`)).toBe(
      `{"email":"${gone('ann@example.com')}\n${BOB}\n${gone(ANN)}`,
    )
  })

  it('reads quotes and braces that are escaped as part of a text', () => {
    const tricky = String.raw`{"note":"} \" {","email":"ann@example.com"}`
    expect(blank(`[${BOB},${tricky},${BOB}]`)).toBe(`[${BOB},${gone(tricky)},${BOB}]`)
  })

  it('finds it in UTF-16', () => {
    const bytes = Buffer.from(ANN, 'utf16le')
    expect(blankTraces(bytes, { start: 0, end: bytes.length }, finder)).toBe(true)
    expect(finder.isInBytes(bytes)).toBe(false)
    expect(isBlank(bytes, { start: 0, end: bytes.length })).toBe(true)
  })

  it('takes objects that nest too deep as one, in a time that does not grow with the depth', () => {
    const depth = 50_000
    const text = `${'{"a":'.repeat(depth)}${ANN}${'}'.repeat(depth)}`
    const begunAt = performance.now()
    expect(blank(`[${BOB},${text}]`)).toContain(BOB)
    expect(performance.now() - begunAt).toBeLessThan(loadedMs(5_000))
  })

  it('looks only where it is told to, and says whether it found anything', () => {
    const bytes = Buffer.from(`${ANN}${ANN}`)
    expect(blankTraces(bytes, { start: 0, end: ANN.length }, finder)).toBe(true)
    expect(bytes.toString()).toBe(`${' '.repeat(ANN.length)}${ANN}`)
    expect(blankTraces(bytes, { start: 0, end: ANN.length }, finder)).toBe(false)
  })
})
