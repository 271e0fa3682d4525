import { describe, expect, it } from 'vitest'
import { readTime } from '../../src/providers/read-value.ts'

const NOON = Date.UTC(2026, 0, 17, 12, 0, 0)

describe('readTime', () => {
  it.each([
    ['seconds', 1_768_651_200, NOON],
    ['milliseconds', 1_768_651_200_417, NOON + 417],
    ['seconds with a fraction', 1_768_651_200.25, NOON + 250],
    ['the last number of seconds', 99_999_999_999, 99_999_999_999_000],
    ['the first number of milliseconds', 100_000_000_000, 100_000_000_000],
    ['seconds as text', '1768651200', NOON],
    ['milliseconds as text', '1768651200417', NOON + 417],
    ['ISO 8601', '2026-01-17T12:00:00Z', NOON],
    ['a fraction', '2026-01-17T12:00:00.250Z', NOON + 250],
    ['microseconds', '2026-01-17T12:00:00.250999Z', NOON + 250],
    ['an offset', '2026-01-17T13:00:00+01:00', NOON],
    ['an offset without colon', '2026-01-17T06:30:00-0530', NOON],
    ['no offset, as UTC', '2026-01-17T12:00:00', NOON],
    ['a space in the middle', '2026-01-17 12:00', NOON],
  ])('reads %s', (_, value, expected) => {
    expect(readTime(value)).toBe(expected)
  })

  it.each([
    ['zero', 0],
    ['a negative number', -1_768_651_200],
    ['the year 10000', 253_402_300_800_000],
    ['a huge number', 1e300],
    ['infinity', Number.POSITIVE_INFINITY],
    ['no number', Number.NaN],
    ['an empty text', ''],
    ['prose', 'yesterday'],
    ['a month that is none', '2026-13-01T00:00:00Z'],
    ['an offset that is none', '2026-01-17T12:00:00+99:00'],
    ['a day alone', '2026-01-17'],
    ['a long text', '1'.repeat(1_000_000)],
    ['null', null],
    ['an object', {}],
    ['true', true],
  ])('reads nothing from %s', (_, value) => {
    expect(readTime(value)).toBeUndefined()
  })
})
