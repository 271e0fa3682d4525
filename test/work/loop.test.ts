import { describe, expect, it, vi } from 'vitest'
import { Loop, type LoopParts } from '../../src/work/loop.ts'
import { IN_THREAD } from '../../src/work/turns.ts'
import { onTestFinished } from '../on-test-finished.ts'

const { pageEvents } = IN_THREAD

/** A loop with nothing behind it; answers how many events each page was asked for. */
function startLoop(keepWaiting: () => boolean, other: object = {}): readonly number[] {
  const asked: number[] = []
  const nothing = () => {}
  const parts = {
    store: { onHint: () => nothing },
    lanes: { registrations: () => [], wants: () => [], takeEnded: () => ENDED },
    unpacker: {
      isCareful: false,
      hasRoom: () => true,
      lookAgain: nothing,
      prepare: async (events: number) => {
        asked.push(events)
        return []
      },
    },
    claims: { isUnderWay: false, lookForWork: nothing, handOut: async () => false },
    health: { failed: nothing, succeeded: nothing },
    leaseMs: 60_000,
    pace: IN_THREAD,
    keepWaiting,
    // There is always something to do.
    serve: async () => true,
    tidy: () => false,
    ...other,
  }
  const loop = new Loop(parts as unknown as LoopParts)
  loop.start()
  onTestFinished(() => loop.stop())
  return asked
}

const ENDED = { progress: [], jobs: [] }

describe('while requests are acknowledged', () => {
  it.each([
    ['at the begin of a turn', 0],
    ['after its page', 1],
    ['at its end', 2],
  ])('a page is short, and the one after it whole again: %s', async (_name, look) => {
    let looks = 0
    // Three looks a turn: in the second turn one of them finds something.
    const asked = startLoop(() => looks++ === 3 + look)
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(4))
    const short = look === 0 ? 1 : 2
    const expected = [0, 1, 2, 3].map((n) => (n === short ? pageEvents / 5 : pageEvents))
    expect(asked.slice(0, 4)).toEqual(expected)
  })
})

describe('while nothing can be recorded', () => {
  it('whoever asks something of the store is answered', async () => {
    const asks = [1, 2, 3]
    const claims = {
      isUnderWay: false,
      lookForWork: () => {},
      handOut: async () => {
        throw new Error('The disk is full.')
      },
    }
    startLoop(() => false, { claims, serve: async () => asks.shift() !== undefined })
    await vi.waitFor(() => expect(asks).toEqual([]))
  })
})
