import { expect, it } from 'vitest'
import { RetryLaterError, retryAfterMs } from '../../src/handlers/handler-errors.ts'

it.each([
  [1.5, 1_500],
  [0, undefined],
  [-1, undefined],
  [Number.NaN, undefined],
  [Number.POSITIVE_INFINITY, 86_400_000],
])('a RetryLaterError of %d s asks for %j ms', (afterSeconds, ms) => {
  expect(retryAfterMs(new RetryLaterError('later', { afterSeconds }))).toBe(ms)
})

it('is known when another copy of the package made it, and anything else is not', () => {
  const other = { [Symbol.for('mailtrap-receiver.retry-later-error')]: 2_000 }
  expect(retryAfterMs(other)).toBe(2_000)
  const trap = new Proxy(
    {},
    {
      has: () => {
        throw new Error('no')
      },
    },
  )
  for (const thrown of [undefined, null, 'text', new Error('x'), trap]) {
    expect(retryAfterMs(thrown)).toBeUndefined()
  }
})
