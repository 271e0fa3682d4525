import { describe, expect, it } from 'vitest'
import { makeJobs } from './memory-store.ts'
import { errorsOf, outcomesOf, runDispatcher, waitUntil } from './run-dispatcher.ts'

describe('a handler that takes batches', () => {
  it('gets up to 500 jobs at once', async () => {
    const { store, observer } = await runDispatcher({ handlers: [{ name: 'batching' }] })
    store.add(makeJobs('batching', 5_000))
    await waitUntil(() => store.count('batching', 'done') === 5_000)
    const sizes = observer.facts.handlerWrote.map(({ fields }) => fields?.['size'] as number)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5_000)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(500)
    expect(sizes.length).toBeLessThan(60)
  })

  it('has only those tried again whose ids it returns', async () => {
    const { store } = await runDispatcher({ handlers: [{ name: 'batching', retryDelaysMs: [0] }] })
    const good = makeJobs('batching', 30, { act: 'succeed' })
    const bad = makeJobs('batching', 3, { act: 'fail' })
    store.add([...good.slice(0, 15), ...bad, ...good.slice(15)])
    await waitUntil(() => store.count('batching', 'dead') === 3)
    expect(store.count('batching', 'done')).toBe(30)
    for (const { event } of good) expect(outcomesOf(store, 'batching', event)).toEqual(['done'])
    for (const { event } of bad)
      expect(outcomesOf(store, 'batching', event)).toEqual(['retry', 'dead'])
  })

  it('fails all of a batch when it throws, and one by one what ends its process', async () => {
    const { store } = await runDispatcher({ handlers: [{ name: 'batching', retryDelaysMs: [] }] })
    const thrown = makeJobs('batching', 5, { act: 'throwAll' })
    store.add(thrown)
    await waitUntil(() => store.count('batching', 'dead') === 5)
    for (const { event } of thrown)
      expect(errorsOf(store, 'batching', event)[0]).toMatch(/all of them/)
    const exiting = makeJobs('batching', 5, { act: 'exit' })
    store.add(exiting)
    await waitUntil(() => store.count('batching', 'dead') === 10)
    for (const { event } of exiting) {
      expect(errorsOf(store, 'batching', event).at(-1)).toBe('process ended: exit code 0')
    }
  })
})
