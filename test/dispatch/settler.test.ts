import { describe, expect, it, vi } from 'vitest'
import { Settler } from '../../src/dispatch/settler.ts'
import { createStoreWatch } from '../../src/dispatch/store-watch.ts'
import { ReceiverError } from '../../src/errors.ts'
import type { SettledAttempt } from '../../src/model.ts'
import { MemoryStore, makeJobs } from './memory-store.ts'
import { createRecordingObserver } from './recording-observer.ts'

async function setUp(count: number) {
  const store = new MemoryStore()
  const observer = createRecordingObserver()
  store.add(makeJobs('handler', count))
  const claimed = await store.claim({ handler: 'handler', limit: count, leaseMs: 60_000 })
  const attempts = claimed.map(
    ({ event, handler, attempt, fence }): SettledAttempt => ({
      event,
      handler,
      attempt,
      fence,
      durationMs: 1,
      outcome: { kind: 'done' },
    }),
  )
  return { store, observer, attempts, settler: new Settler(store, createStoreWatch(observer)) }
}

describe('Settler', () => {
  it('records outcomes that come together in few calls', async () => {
    const { store, settler, attempts } = await setUp(2_000)
    await Promise.all(attempts.map((attempt) => settler.add([attempt])))
    expect(store.count('handler', 'done')).toBe(2_000)
    expect(store.calls.settle).toBe(4)
  })

  it('splits a large group', async () => {
    const { store, settler, attempts } = await setUp(1_200)
    await settler.add(attempts)
    expect(store.count('handler', 'done')).toBe(1_200)
    expect(store.calls.settle).toBe(3)
  })

  it('keeps outcomes while the store fails, and tells once that it does and once that it is well', async () => {
    const { store, observer, settler, attempts } = await setUp(10)
    store.failure = new ReceiverError('store_full')
    const added = settler.add(attempts)
    await vi.waitFor(() => expect(store.calls.settle).toBeGreaterThan(1))
    expect([...settler.unsettled()]).toHaveLength(10)
    store.failure = undefined
    await added
    expect(store.count('handler', 'done')).toBe(10)
    expect(observer.facts.storeFailed.map(({ code }) => code)).toEqual(['store_full'])
    expect(observer.facts.storeRecovered).toHaveLength(1)
  })

  it('counts outcomes that came too late', async () => {
    const { store, settler, attempts } = await setUp(3)
    store.get('handler', attempts[0]?.event ?? '').fence++
    await settler.add(attempts)
    expect(settler.refused).toBe(1)
    expect(store.count('handler', 'done')).toBe(2)
  })

  it('lets go when told to', async () => {
    const { store, settler, attempts } = await setUp(1)
    store.failure = new Error('gone for good')
    const added = settler.add(attempts)
    await vi.waitFor(() => expect(store.calls.settle).toBeGreaterThan(0))
    settler.abandon()
    await added
    await settler.flush()
  })
})
