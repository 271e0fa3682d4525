import { describe, expect, it } from 'vitest'
import { watchTurns } from '../watch-turns.ts'
import { makeEvents } from './memory-store.ts'
import { runLanes, waitUntil } from './run-lanes.ts'

describe('a handler that writes a frame of countless faults', () => {
  it.each(['writeFaultyList', 'writeFaultyPages'])('does not hold us up: %s', async (act) => {
    const { store, observer } = await runLanes({
      handlers: [{ name: 'acting', retryDelaysMs: [] }],
    })
    const turns = watchTurns()
    store.add(makeEvents('acting', 1, { act }))
    await waitUntil(() => observer.facts.handlerEnded.length > 0)
    const longestMs = turns.stop()
    expect(observer.facts.handlerEnded[0]?.reason).toMatch(/channel of its outcomes$/)
    // Some tenths of a second to read it as JSON.
    expect(longestMs).toBeLessThan(2_000)
  })
})
