import { describe, expect, it } from 'vitest'
import { watchTurns } from '../watch-turns.ts'
import { makeJobs } from './memory-store.ts'
import { runDispatcher, waitUntil } from './run-dispatcher.ts'

describe('a handler that writes a frame of countless faults', () => {
  it.each(['writeFaultyList', 'writeFaultyTokens'])('does not hold us up: %s', async (act) => {
    const { store, observer } = await runDispatcher({
      handlers: [{ name: 'acting', retryDelaysMs: [] }],
    })
    const turns = watchTurns()
    store.add(makeJobs('acting', 1, { act }))
    await waitUntil(() => observer.facts.handlerEnded.length > 0)
    const longestMs = turns.stop()
    expect(observer.facts.handlerEnded[0]?.reason).toMatch(/channel of its outcomes$/)
    // Some tenths of a second to read it as JSON.
    expect(longestMs).toBeLessThan(2_000)
  })
})
