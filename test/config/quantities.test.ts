import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WrongValue } from '../../src/config/problems.ts'
import {
  readByteSize,
  readDuration,
  readDurations,
  readWholeNumber,
} from '../../src/config/quantities.ts'

describe('readDuration', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['400d', 34_560_000_000],
    [' 5 s ', 5_000],
  ])('reads %s', (text, ms) => expect(readDuration(text)).toBe(ms))

  it.each(['', '30', 's', '1.5h', '1h30m', '-1s', '1e3s', '30S', '30 seconds', '٣s', '1s1s'])(
    'refuses %j',
    (text) => expect(() => readDuration(text)).toThrow(WrongValue),
  )

  it('answers a whole number within its limits, or refuses, for any text', () => {
    const limits = { min: '1m', max: '2d' }
    const nearly = fc
      .tuple(fc.nat(), fc.constantFrom('ms', 's', 'm', 'h', 'd', '', 'w'))
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(fc.string(), nearly), (text) => {
        const ms = attempt(() => readDuration(text, limits))
        return ms === undefined || (Number.isInteger(ms) && ms >= 60_000 && ms <= 172_800_000)
      }),
    )
  })
})

describe('readDurations', () => {
  const limits = { min: '1s', max: '1h', maxCount: 3 }
  it('keeps the order', () =>
    expect(readDurations('5s, 1s,2m', limits)).toEqual([5_000, 1_000, 120_000]))
  it('reads none', () => expect(readDurations('none', limits)).toEqual([]))
  it.each(['', ',', '1s,', '1s,,2s', '1s;2s', '2h', '1s,1s,1s,1s', 'none,1s'])(
    'refuses %j',
    (text) => expect(() => readDurations(text, limits)).toThrow(WrongValue),
  )
})

describe('readByteSize', () => {
  it.each([
    ['10MB', 10_485_760],
    ['2mib', 2_097_152],
    ['512 KB', 524_288],
    ['7B', 7],
    ['1GB', 1_073_741_824],
  ])('reads %s', (text, bytes) => expect(readByteSize(text)).toBe(bytes))

  it.each(['', '10', 'MB', '1.5MB', '-1MB', '10M', '10TB', 'ib', '1ib2'])('refuses %j', (text) =>
    expect(() => readByteSize(text)).toThrow(WrongValue),
  )
})

describe('readWholeNumber', () => {
  it.each(['', ' ', '1.5', '1e3', '0x10', '-1', '11', 'NaN', 'Infinity'])(
    'refuses %j from 0 to 10',
    (text) => expect(() => readWholeNumber(text, 0, 10)).toThrow(WrongValue),
  )
})

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof WrongValue) return undefined
    throw error
  }
}
