import { describe, expect, it } from 'vitest'
import type { TurnRequest } from '../../src/store/store.ts'
import { makeEvents } from './memory-store.ts'
import { runLanes, settingsOf, waitUntil } from './run-lanes.ts'

const PER_SECOND = { attempts: 50, perMs: 1_000 }

/** Grants what it is told, one answer after the other, then nothing. */
function grant(...answers: number[]) {
  const requests: TurnRequest[] = []
  return {
    requests,
    takeTurns: (request: TurnRequest) => {
      requests.push(request)
      return answers.shift() ?? 0
    },
  }
}

describe('a handler with a rate', { concurrent: true }, () => {
  it('begins no more attempts than it has turns for', async () => {
    const { requests, takeTurns } = grant(3, 0, 4)
    const { store } = await runLanes({
      handlers: [{ name: 'noop', rate: PER_SECOND }],
      takeTurns,
    })
    store.add(makeEvents('noop', 100))
    await waitUntil(() => store.count('noop', 'done') >= 7)
    const { length } = requests
    await waitUntil(() => requests.length >= length + 2)
    expect(store.count('noop', 'done')).toBe(7)
    expect(requests[0]).toEqual({ handler: 'noop', wanted: 7, everyUs: 20_000, atOnce: 7 })
  })

  it('asks for no more than begin at once', async () => {
    const { requests, takeTurns } = grant()
    const { store } = await runLanes({
      handlers: [{ name: 'noop', rate: PER_SECOND, concurrency: 3 }],
      takeTurns,
    })
    store.add(makeEvents('noop', 100))
    await waitUntil(() => requests.length >= 1)
    expect(requests[0]?.wanted).toBe(3)
  })

  it('asks, one call after the other, for those until it asks again', async () => {
    const requests: TurnRequest[] = []
    const { store } = await runLanes({
      handlers: [{ name: 'noop', rate: PER_SECOND, concurrency: 1 }],
      // Each time: what a slow process has not used when it asks again is lost.
      takeTurns: (request) => {
        requests.push(request)
        return request.wanted
      },
    })
    store.add(makeEvents('noop', 100))
    await waitUntil(() => store.count('noop', 'done') >= 2)
    expect(requests[0]).toMatchObject({ wanted: 2 })
  })

  it('asks for none as long as it does not use what it has', async () => {
    let asked = 0
    const { store } = await runLanes({
      handlers: [
        { name: 'acting', rate: PER_SECOND, concurrency: 1 },
        { name: 'noop', rate: PER_SECOND, concurrency: 1 },
      ],
      takeTurns: ({ handler, wanted }) => {
        if (handler === 'acting') asked++
        return wanted
      },
    })
    store.add(makeEvents('acting', 10, { act: 'hang' }))
    await waitUntil(() => asked > 0)
    // Many times as long as until it may ask again.
    store.add(makeEvents('noop', 30))
    await waitUntil(() => store.count('noop', 'done') === 30)
    expect(asked).toBe(1)
  })

  it('takes a turn for a call, however many events that has', async () => {
    const requests: TurnRequest[] = []
    let granted = 0
    const calls = () => observer.facts.handlerWrote.map(({ fields }) => fields?.['size'])
    const { store, observer } = await runLanes({
      handlers: [{ name: 'batching-by-seven', rate: PER_SECOND }],
      // Each time, until it is enough: what a slow process has not used when it asks again is lost.
      takeTurns: (request) => {
        requests.push(request)
        const turns = calls().length < 3 ? 1 : 0
        granted += turns
        return turns
      },
    })
    store.add(makeEvents('batching-by-seven', 100))
    await waitUntil(() => calls().length >= 3)
    const { length } = requests
    await waitUntil(() => requests.length >= length + 2)
    // Two in the time until it asks again.
    expect(requests[0]).toMatchObject({ wanted: 2, everyUs: 20_000, atOnce: 7 })
    await waitUntil(() => store.count('batching-by-seven', 'done') === 7 * calls().length)
    expect(new Set(calls())).toEqual(new Set([7]))
    expect(calls().length).toBeLessThanOrEqual(granted)
  })

  it('asks for as many calls as run at once', async () => {
    const { requests, takeTurns } = grant()
    const { store } = await runLanes({
      handlers: [{ name: 'batching-by-seven', rate: PER_SECOND, concurrency: 4 }],
      takeTurns,
    })
    store.add(makeEvents('batching-by-seven', 15))
    await waitUntil(() => requests.length >= 1)
    expect(requests[0]?.wanted).toBe(3)
  })

  it('begins no two at once below ten a second, after whatever a pause', async () => {
    const { requests, takeTurns } = grant()
    const { store } = await runLanes({
      handlers: [{ name: 'noop', rate: { attempts: 5, perMs: 1_000 } }],
      takeTurns,
    })
    store.add(makeEvents('noop', 5))
    await waitUntil(() => requests.length >= 1)
    expect(requests[0]).toMatchObject({ wanted: 1, atOnce: 1 })
  })

  it('goes on when turns cannot be asked for, once they can', async () => {
    let asked = 0
    const { store } = await runLanes({
      handlers: [{ name: 'noop', rate: PER_SECOND }],
      takeTurns: ({ wanted }) => {
        asked++
        if (asked === 1) throw new Error('The store is away.')
        return wanted
      },
    })
    store.add(makeEvents('noop', 5))
    await waitUntil(() => store.count('noop', 'done') === 5)
    expect(asked).toBeGreaterThan(1)
  })

  it('takes another rate at once, however long it was to wait by the one before', async () => {
    const hourly = { name: 'noop', rate: { attempts: 1, perMs: 3_600_000 } }
    const { requests, takeTurns } = grant(1, 4)
    const { store, lanes } = await runLanes({ handlers: [hourly], takeTurns })
    store.add(makeEvents('noop', 5))
    await waitUntil(() => store.count('noop', 'done') === 1)
    const handlers = [settingsOf({ ...hourly, rate: PER_SECOND })]
    await lanes.reload({ handlers, childEnv: { PATH: process.env.PATH } })
    await waitUntil(() => store.count('noop', 'done') === 5)
    expect(requests.map(({ everyUs }) => everyUs)).toEqual([3_600_000_000, 20_000])
  })
})
