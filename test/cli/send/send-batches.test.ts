import { describe, expect, it } from 'vitest'
import { sendBatches } from '../../../src/cli/send/outgoing-batches.ts'
import type { OutgoingBatch } from '../../../src/providers/outgoing-batch.ts'
import type { Answer } from '../../../src/simulator/send-request.ts'

const OK: Answer = { status: 200, headers: {}, text: '', durationMs: 1 }
const never = new AbortController().signal

function makeBatches(count: number) {
  const state = { made: 0, isReturned: false }
  async function* batches(): AsyncGenerator<OutgoingBatch> {
    try {
      for (; state.made < count; ) {
        state.made++
        yield { body: Buffer.from(String(state.made)), contentType: 'text/plain', events: 1 }
      }
    } finally {
      state.isReturned = true
    }
  }
  return { state, batches: batches() }
}

describe('sendBatches', () => {
  it('sends every batch once', async () => {
    const { batches } = makeBatches(100)
    const sent: string[] = []
    await sendBatches(batches, {
      connections: 7,
      send: async (batch) => {
        sent.push(batch.body.toString())
        return OK
      },
      onAnswer: () => {},
      stopped: never,
    })
    expect(sent.map(Number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, at) => at + 1),
    )
  })

  it('makes no more batches than there are connections to send them', async () => {
    const { state, batches } = makeBatches(1_000)
    let underWay = 0
    let answered = 0
    await sendBatches(batches, {
      connections: 3,
      send: async () => {
        underWay++
        expect(underWay).toBeLessThanOrEqual(3)
        expect(state.made - answered).toBeLessThanOrEqual(3)
        await new Promise((resolve) => setImmediate(resolve))
        underWay--
        return OK
      },
      onAnswer: () => {
        answered++
      },
      stopped: never,
    })
    expect(answered).toBe(1_000)
  })

  it('begins none after it was stopped, and closes its source', async () => {
    const { state, batches } = makeBatches(1_000)
    const stop = new AbortController()
    let answered = 0
    await sendBatches(batches, {
      connections: 2,
      send: async () => {
        stop.abort()
        return OK
      },
      onAnswer: () => {
        answered++
      },
      stopped: stop.signal,
    })
    expect(answered).toBe(1)
    expect(state.isReturned).toBe(true)
  })
})
