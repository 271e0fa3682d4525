import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseInstant } from '../../../src/admin/parameters.ts'

describe('parseInstant', () => {
  it.each([
    ['2026-11-21', '2026-11-21T00:00:00.000Z'],
    ['2026-11-21T09:30', '2026-11-21T09:30:00.000Z'],
    ['2026-11-21 09:30', '2026-11-21T09:30:00.000Z'],
    ['2026-11-21T09:30:15', '2026-11-21T09:30:15.000Z'],
    ['2026-11-21T09:30:15Z', '2026-11-21T09:30:15.000Z'],
    ['2026-11-21t09:30:15z', '2026-11-21T09:30:15.000Z'],
    ['2026-11-21T09:30:15.123Z', '2026-11-21T09:30:15.123Z'],
    ['2026-11-21T09:30:15.123456Z', '2026-11-21T09:30:15.123Z'],
    ['2026-11-21T09:30:15+02:00', '2026-11-21T07:30:15.000Z'],
    ['2026-11-21T09:30:15+0200', '2026-11-21T07:30:15.000Z'],
    ['2026-11-21T09:30:15 02:00', '2026-11-21T07:30:15.000Z'],
    ['2026-11-21T09:30:15-05:30', '2026-11-21T15:00:15.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['1733497282', '2024-12-06T15:01:22.000Z'],
    ['1733497282.5', '2024-12-06T15:01:22.500Z'],
    ['1733497282123', '2024-12-06T15:01:22.123Z'],
    [1_733_497_282, '2024-12-06T15:01:22.000Z'],
    [1_733_497_282_123, '2024-12-06T15:01:22.123Z'],
    ['0', '1970-01-01T00:00:00.000Z'],
    [0, '1970-01-01T00:00:00.000Z'],
  ])('reads %j as %s', (value, iso) => {
    const instant = parseInstant(value)

    expect(instant === undefined ? undefined : new Date(instant).toISOString()).toBe(iso)
  })

  it.each([
    '',
    ' ',
    'now',
    'yesterday',
    '2026',
    '2026-11',
    '20261121',
    '2026-13-01',
    '2026-02-30',
    '2025-02-29',
    '2026-11-21T25:00',
    '2026-11-21T09:60',
    '2026-11-21T09',
    '21.11.2026',
    '11/21/2026',
    '2026-11-21T09:30:15 UTC',
    '-1',
    '+1733497282',
    '1e10',
    '0x10',
    '1969-12-31T23:59:59Z',
    '10000-01-01',
    '9999999999999999',
    -1,
    2026,
    20_261_121,
    1e20,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ])('does not take %j for a time', (value) => {
    expect(parseInstant(value)).toBeUndefined()
  })

  it('answers a whole number of milliseconds within the calendar, or nothing, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double(), fc.integer()), (value) => {
        const instant = parseInstant(value)
        if (instant === undefined) return
        expect(Number.isInteger(instant)).toBe(true)
        expect(() => new Date(instant).toISOString()).not.toThrow()
      }),
    )
  })

  it('reads back every time that toISOString writes', () => {
    const dates = fc.date({
      min: new Date(0),
      max: new Date(Date.UTC(9999, 0, 1)),
      noInvalidDate: true,
    })
    fc.assert(
      fc.property(dates, (date) => {
        expect(parseInstant(date.toISOString())).toBe(date.getTime())
      }),
    )
  })
})
