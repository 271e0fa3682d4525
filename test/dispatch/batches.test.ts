import { describe, expect, it } from 'vitest'
import { makeEvents } from './memory-store.ts'
import { errorsOf, outcomesOf, runLanes, waitUntil } from './run-lanes.ts'

describe('a handler that takes batches', () => {
  it('gets up to 500 jobs at once', async () => {
    const { store, observer } = await runLanes({ handlers: [{ name: 'batching' }] })
    store.add(makeEvents('batching', 5_000))
    await waitUntil(() => store.count('batching', 'done') === 5_000)
    const sizes = observer.facts.handlerWrote.map(({ fields }) => fields?.['size'] as number)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5_000)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(500)
    expect(sizes.length).toBeLessThan(60)
  })

  it('gets no more than its own batch size', async () => {
    const { store, observer } = await runLanes({ handlers: [{ name: 'batching-by-seven' }] })
    store.add(makeEvents('batching-by-seven', 100))
    await waitUntil(() => store.count('batching-by-seven', 'done') === 100)
    const sizes = observer.facts.handlerWrote.map(({ fields }) => fields?.['size'] as number)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(100)
    expect(Math.max(...sizes)).toBe(7)
    for (const line of observer.facts.handlerWrote) {
      expect(line).toMatchObject({ batch: expect.any(String), attempt: 1 })
      expect(line.event).toBeUndefined()
    }
  })

  it('has only those tried again whose ids it returns', async () => {
    const { store } = await runLanes({ handlers: [{ name: 'batching', retryDelaysMs: [0] }] })
    const good = makeEvents('batching', 30, { act: 'succeed' })
    const bad = makeEvents('batching', 3, { act: 'fail' })
    store.add([...good.slice(0, 15), ...bad, ...good.slice(15)])
    await waitUntil(() => store.count('batching', 'dead') === 3)
    expect(store.count('batching', 'done')).toBe(30)
    for (const { event } of good) expect(outcomesOf(store, 'batching', event)).toEqual(['done'])
    for (const { event } of bad)
      expect(outcomesOf(store, 'batching', event)).toEqual(['retry', 'dead'])
  })

  it('fails all of a batch when it throws, and one by one what ends its process', async () => {
    const { store } = await runLanes({ handlers: [{ name: 'batching', retryDelaysMs: [] }] })
    const thrown = makeEvents('batching', 5, { act: 'throwAll' })
    store.add(thrown)
    await waitUntil(() => store.count('batching', 'dead') === 5)
    for (const { event } of thrown)
      expect(errorsOf(store, 'batching', event)[0]).toMatch(/all of them/)
    const exiting = makeEvents('batching', 5, { act: 'exit' })
    store.add(exiting)
    await waitUntil(() => store.count('batching', 'dead') === 10)
    for (const { event } of exiting) {
      expect(errorsOf(store, 'batching', event).at(-1)).toBe('process ended: exit code 0')
    }
  })
})
