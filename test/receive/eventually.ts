import { expect } from 'vitest'

/** Looks again and again until the expectation holds; patient, because machines can be busy. */
export function eventually<Value>(look: () => Value) {
  return expect.poll(look, { interval: 10 })
}
