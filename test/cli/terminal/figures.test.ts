import { describe, expect, it } from 'vitest'
import { formatCounted, formatDuration, formatInstant } from '../../../src/cli/terminal.ts'

describe('formatDuration', () => {
  it.each([
    [0.42, '0.4 ms'],
    [12.4, '12 ms'],
    [1_834, '1.8 s'],
    [90_000, '1 min 30 s'],
    [3_600_000, '1 h 0 min'],
    [3 * 86_400_000, '3 days'],
  ])('says %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('formatCounted', () => {
  it('knows one from many', () => {
    expect([
      formatCounted(1, 'batch', 'batches'),
      formatCounted(1_200, 'batch', 'batches'),
    ]).toEqual(['1 batch', '1,200 batches'])
  })
})

describe('formatInstant', () => {
  it('leaves out what nobody reads', () => {
    expect(formatInstant('2026-11-21T09:30:05.123Z')).toBe('2026-11-21 09:30:05')
    expect(formatInstant(null)).toBe('-')
  })
})
