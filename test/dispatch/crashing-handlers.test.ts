import { describe, expect, it } from 'vitest'
import { type MemoryStore, makeJobs } from './memory-store.ts'
import { errorsOf, outcomesOf, runDispatcher, waitUntil } from './run-dispatcher.ts'

/** What counts as an attempt. */
function countedOutcomes(store: MemoryStore, handler: string, event: string): string[] {
  return outcomesOf(store, handler, event).filter((kind) => kind !== 'released')
}

describe('an event that ends its process', () => {
  it('is dead after its attempts, and lets no other be dead', async () => {
    const { store } = await runDispatcher({ handlers: [{ name: 'acting', retryDelaysMs: [10] }] })
    const fatal = makeJobs('acting', 3, { act: 'exit1' })
    const others = fatal.map(() => makeJobs('acting', 29, { act: 'succeed' }))
    store.add(fatal.flatMap((job, index) => [job, ...others[index]!]))
    await waitUntil(() => store.count('acting', 'done') === 87)
    await waitUntil(() => store.count('acting', 'dead') === 3)
    for (const { event } of fatal) {
      expect(countedOutcomes(store, 'acting', event)).toEqual(['retry', 'dead'])
    }
    for (const { event } of others.flat()) {
      expect(countedOutcomes(store, 'acting', event)).toEqual(['done'])
    }
  })

  it('costs those beside it one process, for then each of them runs alone', async () => {
    const handlers = [{ name: 'acting', concurrency: 6, retryDelaysMs: [] }]
    const { store, observer } = await runDispatcher({ handlers })
    const others = makeJobs('acting', 5, { act: 'take', ms: 100 })
    const [fatal] = makeJobs('acting', 1, { act: 'throwLater' })
    store.add([...others, fatal!])
    await waitUntil(() => store.count('acting', 'done') === 5)
    await waitUntil(() => store.count('acting', 'dead') === 1)
    expect(observer.facts.handlerEnded).toHaveLength(2)
    expect(errorsOf(store, 'acting', fatal!.event)).toEqual([
      undefined,
      expect.stringMatching(/^process ended: Error: thrown where nobody waits/),
    ])
  })

  it('does not slow the next start down each time that it comes again', async () => {
    const retryDelaysMs = Array.from({ length: 8 }, () => 0)
    const { store } = await runDispatcher({ handlers: [{ name: 'acting', retryDelaysMs }] })
    store.add(makeJobs('acting', 1, { act: 'exit1' }))
    await waitUntil(() => store.count('acting', 'dead') === 1)
  })

  it('is found among those of its batch', async () => {
    const { store } = await runDispatcher({ handlers: [{ name: 'batching', retryDelaysMs: [] }] })
    const others = makeJobs('batching', 30, { act: 'succeed' })
    const [fatal] = makeJobs('batching', 1, { act: 'exit' })
    store.add([...others, fatal!])
    await waitUntil(() => store.count('batching', 'done') === 30)
    await waitUntil(() => store.count('batching', 'dead') === 1)
    expect(countedOutcomes(store, 'batching', fatal!.event)).toEqual(['dead'])
  })
})
