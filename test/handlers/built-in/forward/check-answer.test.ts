import { describe, expect, it } from 'vitest'
import { checkAnswer } from '../../../../src/handlers/built-in/forward/check-answer.ts'
import { retryAfterMs } from '../../../../src/handlers/handler-errors.ts'

const NOW = Date.parse('2026-11-30T12:00:00Z')

function thrownBy(status: number, retryAfter: string | undefined): unknown {
  try {
    checkAnswer({ status, retryAfter, body: undefined }, 'http://a.test', NOW)
  } catch (thrown) {
    return thrown
  }
  throw new Error('It threw nothing.')
}

describe('Retry-After', () => {
  it.each([
    [429, '120', 120_000],
    [503, '7', 7_000],
    [429, 'Mon, 30 Nov 2026 12:00:30 GMT', 30_000],
    [503, 'Mon, 30 Nov 2026 11:00:00 GMT', undefined],
    [429, '0', undefined],
    [429, 'soon', undefined],
    [429, '-5', undefined],
    [429, undefined, undefined],
    [429, '999999999999', 86_400_000],
    [500, '120', undefined],
  ])('of %i: %j makes the next attempt wait %j ms', (status, text, ms) => {
    expect(retryAfterMs(thrownBy(status, text))).toBe(ms)
  })

  it('stands in the error', () => {
    expect(String(thrownBy(429, '120'))).toBe(
      'RetryLaterError: http://a.test answered 429, and not to be asked before 120 s.',
    )
  })
})
