import { describe, expect, it } from 'vitest'
import { makeEvents } from './memory-store.ts'
import { runLanes, waitUntil } from './run-lanes.ts'

describe('a handler that listens no more once its attempt has ended', { concurrent: true }, () => {
  it.each([
    ['spinAfterwards', 'it did not take its jobs'],
    ['freezeAfterwards', 'it did not take its jobs'],
    ['closeChannelAfterwards', 'it closed the channel of its outcomes'],
  ])('is killed, and what waited runs in its next process, uncounted: %s', async (act, reason) => {
    const handlers = [{ name: 'acting', timeoutMs: 2_000, retryDelaysMs: [] }]
    const { store, observer } = await runLanes({ handlers, limits: { graceMs: 200 } })
    store.add(makeEvents('acting', 1, { act }))
    await waitUntil(() => observer.facts.handlerWrote.length === 1)
    const waiting = makeEvents('acting', 5, { act: 'succeed' })
    store.add(waiting)
    await waitUntil(() => store.count('acting', 'done') === 6)
    expect(observer.facts.handlerEnded).toMatchObject([{ reason, isPlanned: false }])
    for (const { event } of waiting) expect(store.get('acting', event).attempt).toBe(1)
  })
})
