import { expect, it } from 'vitest'
import { createFactWatch } from '../../src/alerts/watch-facts.ts'

it('remembers since when background work fails, pruning and the rest each until it goes well', () => {
  let at = 1_000
  const { listener, read } = createFactWatch(() => at)
  const failedAt = () => read().upkeepFailedAt
  expect(failedAt()).toBeUndefined()
  listener.storeFailed?.({ code: 'store_busy', detail: '' })
  expect(failedAt()).toBeUndefined()
  listener.storeFailed?.({ code: 'prune', detail: '' })
  // As it does once while the store is away.
  expect(failedAt()).toBeUndefined()
  at = 2_000
  listener.storeFailed?.({ code: 'prune', detail: '' })
  expect(failedAt()).toBe(1_000)
  listener.upkeepFailed?.({ detail: '' })
  expect(failedAt()).toBe(1_000)
  listener.pruned?.({ rows: 0 })
  expect(failedAt()).toBe(2_000)
  listener.upkeepRecovered?.()
  expect(failedAt()).toBeUndefined()
})
