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

it('remembers how processes of a handler ended by themselves, and no words of the handler', () => {
  const { listener, read } = createFactWatch(() => 1_000)
  const reasons = [
    'exit code 3',
    'signal SIGSEGV',
    'it held 700 MB of memory',
    'Error: anna@example.com',
  ]
  for (const reason of reasons) {
    listener.handlerEnded?.({ handler: 'crm', pid: 7, reason, isPlanned: false })
  }
  listener.handlerEnded?.({ handler: 'crm', pid: 8, reason: 'exit code 0', isPlanned: true })
  expect(read().crashes['crm']?.map(({ exit }) => exit)).toEqual([
    'exit code 3',
    'signal SIGSEGV',
    undefined,
    undefined,
  ])
})
