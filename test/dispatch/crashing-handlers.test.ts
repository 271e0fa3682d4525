import { describe, expect, it } from 'vitest'
import { type MemoryStore, makeEvents } from './memory-store.ts'
import { errorsOf, outcomesOf, runLanes, waitUntil } from './run-lanes.ts'

/** What counts as an attempt. */
function countedOutcomes(store: MemoryStore, handler: string, event: number): string[] {
  return outcomesOf(store, handler, event).filter((kind) => kind !== 'alone')
}

describe('an event that ends its process', { concurrent: true }, () => {
  it('is dead after its attempts, and lets no other be dead', async () => {
    const { store } = await runLanes({ handlers: [{ name: 'acting', retryDelaysMs: [10] }] })
    const fatal = makeEvents('acting', 3, { act: 'exit1' })
    const others = fatal.map(() => makeEvents('acting', 29, { act: 'succeed' }))
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
    const { store, observer } = await runLanes({ handlers })
    const others = makeEvents('acting', 5, { act: 'take', ms: 100 })
    const [fatal] = makeEvents('acting', 1, { act: 'throwLater' })
    store.add([...others, fatal!])
    await waitUntil(() => store.count('acting', 'done') === 5)
    await waitUntil(() => store.count('acting', 'dead') === 1)
    expect(observer.facts.handlerEnded).toHaveLength(2)
    expect(errorsOf(store, 'acting', fatal!.event)).toEqual([
      expect.stringMatching(/^process ended: Error: thrown where nobody waits/),
      expect.stringMatching(/^process ended: Error: thrown where nobody waits/),
    ])
  })

  it('does not slow the next start down each time that it comes again', async () => {
    const retryDelaysMs = Array.from({ length: 8 }, () => 0)
    const { store } = await runLanes({ handlers: [{ name: 'acting', retryDelaysMs }] })
    store.add(makeEvents('acting', 1, { act: 'exit1' }))
    await waitUntil(() => store.count('acting', 'dead') === 1)
  })

  it('is found among those of its batch', async () => {
    const { store } = await runLanes({ handlers: [{ name: 'batching', retryDelaysMs: [] }] })
    const others = makeEvents('batching', 30, { act: 'succeed' })
    const [fatal] = makeEvents('batching', 1, { act: 'exit' })
    store.add([...others, fatal!])
    await waitUntil(() => store.count('batching', 'done') === 30)
    await waitUntil(() => store.count('batching', 'dead') === 1)
    expect(countedOutcomes(store, 'batching', fatal!.event)).toEqual(['dead'])
  })
})

describe('events that wait when their process ends', { concurrent: true }, () => {
  it('go to the next process, and back to the store when that ends too', async () => {
    const handlers = [{ name: 'acting', concurrency: 1, retryDelaysMs: [] }]
    const { store, lanes } = await runLanes({ handlers })
    const fatal = makeEvents('acting', 3, { act: 'exit1' })
    const others = makeEvents('acting', 10, { act: 'succeed' })
    store.add([...fatal, ...others])
    await waitUntil(() => store.count('acting', 'done') === 10)
    for (const { event } of fatal) expect(outcomesOf(store, 'acting', event)).toEqual(['dead'])
    // The store opened their run again after the second end and after the third.
    for (const { event } of others) expect(store.get('acting', event).attempt).toBe(3)
    expect(lanes.broken()).toEqual([])
  })

  it('tells of a handler whose process ends again and again', async () => {
    const { store, lanes, observer } = await runLanes({
      handlers: [{ name: 'acting', concurrency: 1, retryDelaysMs: [] }],
    })
    store.add(makeEvents('acting', 4, { act: 'exit1' }))
    await waitUntil(() => lanes.broken().length === 1)
    expect(lanes.broken()).toEqual(['acting'])
    const reasons = observer.facts.handlerEnded.map(({ reason }) => reason)
    expect(reasons.slice(0, 3)).toEqual(['exit code 1', 'exit code 1', 'exit code 1'])
  })
})
