import { describe, expect, it, vi } from 'vitest'
import {
  createSteadiness,
  describeHeldBack,
  findClockDoubt,
  pruneBy,
  pruneRegularly,
} from '../../src/store/prune-regularly.ts'
import type { PruneRequest, StoreTime } from '../../src/store/store.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 1)
const RETENTION = { retainEventsMs: 30 * DAY, retainDeadMs: 90 * DAY, retainKeysMs: 400 * DAY }
const seen = (seenAt: number | undefined, databaseNow?: number): StoreTime => ({
  seenAt,
  databaseNow,
})
const reasonOf = (...args: Parameters<typeof findClockDoubt>) => findClockDoubt(...args)?.reason

describe('a clock', () => {
  it('is believed on a store of which nothing is known, and an hour or some days later', () => {
    expect(findClockDoubt(NOW, seen(undefined))).toBeUndefined()
    expect(findClockDoubt(NOW, seen(NOW - DAY / 24))).toBeUndefined()
    expect(findClockDoubt(NOW, seen(NOW - 6 * DAY))).toBeUndefined()
    expect(findClockDoubt(NOW, seen(NOW + DAY))).toBeUndefined()
  })

  it('is not believed far ahead of the store, or far behind it', () => {
    expect(reasonOf(NOW + 730 * DAY, seen(NOW))).toBe('far_ahead')
    expect(reasonOf(NOW, seen(NOW - 8 * DAY))).toBe('far_ahead')
    expect(reasonOf(NOW - 8 * DAY, seen(NOW))).toBe('far_behind')
  })

  it('is not believed before this program was written, however steady it goes', () => {
    expect(reasonOf(1_000, seen(undefined), 10 * DAY)).toBe('before_build')
  })

  it('is not believed when the database’s clock says something else, however steady it goes', () => {
    expect(reasonOf(NOW, seen(NOW, NOW + 15 * 60_000), 10 * DAY)).toBe('differs_from_database')
    expect(findClockDoubt(NOW, seen(NOW, NOW + 1_000))).toBeUndefined()
  })

  it('is believed after all once it has gone on steadily for three days', () => {
    expect(findClockDoubt(NOW, seen(NOW - 90 * DAY), 3 * DAY)).toBeUndefined()
    expect(findClockDoubt(NOW, seen(NOW + 90 * DAY), 3 * DAY)).toBeUndefined()
  })

  it('is described with both times, and with what to do', () => {
    const heldBack = findClockDoubt(NOW + 730 * DAY, seen(NOW))!
    expect(describeHeldBack(heldBack)).toMatch(/2028-10-31T.*2026-11-01T.*Set the clock/)
  })
})

it('is steady while it goes with the time that passes, and begins anew with every step', () => {
  let [clock, elapsed] = [NOW, 0]
  const read = createSteadiness(
    () => clock,
    () => elapsed,
  )
  const pass = (ms: number, step = 0) => {
    clock += ms + step
    elapsed += ms
    return read()
  }
  expect([read(), pass(DAY), pass(DAY, 1_000)]).toEqual([0, DAY, 2 * DAY])
  expect([pass(1, 730 * DAY), pass(DAY), pass(1, -730 * DAY), pass(5)]).toEqual([0, DAY, 0, 5])
})

describe('pruning', () => {
  /** Rings when the test says so, which then waits until it is set again. */
  function createTimer() {
    let waiting: (() => void) | undefined
    return {
      startTimer(ms: number, ring: () => void) {
        expect(ms).toBe(3_600_000)
        waiting = ring
        return () => {
          waiting = undefined
        }
      },
      isSet: () => waiting !== undefined,
      async ring() {
        const ring = waiting
        waiting = undefined
        ring?.()
        await vi.waitFor(() => expect(waiting).toBeDefined())
      },
    }
  }

  function createStore() {
    const requests: PruneRequest[] = []
    const store = {
      time: seen(undefined),
      requests,
      readTime: async () => store.time,
      async prune(request: PruneRequest) {
        requests.push(request)
        store.time = seen(request.clock)
        return { removed: 1, after: undefined }
      },
    }
    return store
  }

  it('holds back while the clock is wrong, says so each hour, and goes on when it is right', async () => {
    const store = createStore()
    const observer = { pruned: vi.fn(), pruneHeldBack: vi.fn(), storeFailed: vi.fn() }
    let [clock, elapsed] = [NOW, 0]
    const { ring, isSet, startTimer } = createTimer()
    const clocks = { now: () => clock, elapsedMs: () => elapsed }
    const options = { retention: RETENTION, observer, ...clocks, startTimer }
    async function passHour(step = 0) {
      clock += 3_600_000 + step
      elapsed += 3_600_000
      await ring()
    }
    const pruning = pruneRegularly(store, options)
    await vi.waitFor(() => expect(isSet()).toBe(true))
    expect(observer.pruned).toHaveBeenCalledTimes(1)
    await passHour(730 * DAY)
    await passHour()
    expect(store.requests).toHaveLength(1)
    expect(observer.pruneHeldBack.mock.calls).toMatchObject([
      [{ reason: 'far_ahead', comparedWith: NOW }],
      [{ reason: 'far_ahead' }],
    ])
    await passHour(-730 * DAY)
    expect(observer.pruned).toHaveBeenCalledTimes(2)
    expect(store.requests).toHaveLength(2)
    expect(store.requests[1]).toEqual({
      eventsBefore: clock - 30 * DAY,
      deadBefore: clock - 90 * DAY,
      keysBefore: clock - 400 * DAY,
      clock,
    })
    await pruning.stop()
    expect(isSet()).toBe(false)
    expect(store.requests).toHaveLength(2)
  })

  it('tells of a store that fails, and tries again an hour later', async () => {
    const store = createStore()
    const observer = { pruned: vi.fn(), pruneHeldBack: vi.fn(), storeFailed: vi.fn() }
    const failing = vi.spyOn(store, 'prune').mockRejectedValueOnce(new Error('no disk'))
    const { ring, isSet, startTimer } = createTimer()
    const options = { retention: RETENTION, observer, now: () => NOW, startTimer }
    const pruning = pruneRegularly(store, options)
    await vi.waitFor(() => expect(isSet()).toBe(true))
    expect(observer.storeFailed).toHaveBeenCalledWith({ code: 'prune', detail: 'Error: no disk' })
    await ring()
    expect(failing).toHaveBeenCalledTimes(2)
    await pruning.stop()
  })

  it('holds back for people as well, who have no better clock', async () => {
    const store = createStore()
    store.time = seen(NOW)
    const clock = NOW + 730 * DAY
    const outcome = await pruneBy(store, { retention: RETENTION, clock })
    expect(outcome).toMatchObject({ reason: 'far_ahead' })
    expect(store.requests).toEqual([])
    expect(await pruneBy(store, { retention: RETENTION, clock: NOW })).toBe(1)
  })
})
