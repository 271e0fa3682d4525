import { describe, expect, it } from 'vitest'
import { nextLookMs, noteHealth, startOutages } from '../../src/guardian/outage.ts'

const NOW = Date.UTC(2026, 10, 21)
const MINUTE = 60_000

describe('outages', () => {
  it('of a process that was down count from when the last one was well', () => {
    const { state, ended } = noteHealth(startOutages(NOW - 62 * MINUTE, NOW), true, NOW)
    expect(ended).toEqual({
      beganAt: NOW - 62 * MINUTE,
      durationMs: 62 * MINUTE,
      retriesUsed: 12,
      retriesLimit: 40,
    })
    expect(state).toMatchObject({ wellSince: NOW, beganAt: undefined, last: ended })
  })

  it('are not told when they cost no retry, as a first or a quick start', () => {
    expect(noteHealth(startOutages(undefined, NOW), true, NOW).ended).toBeUndefined()
    const quick = noteHealth(startOutages(NOW - 4 * MINUTE, NOW), true, NOW)
    expect(quick.ended).toBeUndefined()
    expect(quick.state.last?.durationMs).toBe(4 * MINUTE)
  })

  it('alarm once, before the provider pauses, and are told when they end', () => {
    let { state } = noteHealth(startOutages(undefined, NOW), true, NOW)
    const alarms: number[] = []
    for (let minute = 1; minute <= 240; minute++) {
      const step = noteHealth(state, false, NOW + minute * MINUTE)
      if (step.nearing) alarms.push(step.nearing.retriesUsed)
      state = step.state
    }
    expect(alarms).toEqual([30])
    const { ended, state: after } = noteHealth(state, true, NOW + 241 * MINUTE)
    expect(ended).toMatchObject({ beganAt: NOW + MINUTE, retriesUsed: 40, retriesLimit: 40 })
    expect(after.wellSince).toBe(NOW + 241 * MINUTE)
  })

  it('begin anew each time, and health counts from its last return', () => {
    let { state } = noteHealth(startOutages(undefined, NOW), true, NOW)
    state = noteHealth(state, true, NOW + MINUTE).state
    expect(state.wellSince).toBe(NOW)
    state = noteHealth(state, false, NOW + 2 * MINUTE).state
    expect(state).toMatchObject({ wellSince: undefined, beganAt: NOW + 2 * MINUTE })
    state = noteHealth(state, true, NOW + 3 * MINUTE).state
    expect(state).toMatchObject({ wellSince: NOW + 3 * MINUTE, beganAt: undefined })
  })
})

describe('the next look', () => {
  const next = (failures: number, retryAfterMs?: number, random = 0.5) =>
    nextLookMs({ intervalMs: 60_000, failures, retryAfterMs, random })

  it('comes after the interval, spread by a tenth', () => {
    expect([next(0, undefined, 0), next(0), next(0, undefined, 1)]).toEqual([
      54_000, 60_000, 66_000,
    ])
  })

  it('comes later with each failure in a row, up to a quarter of an hour', () => {
    expect([1, 2, 3, 4, 50].map((failures) => next(failures))).toEqual([
      120_000, 240_000, 480_000, 900_000, 900_000,
    ])
  })

  it('waits for as long as the provider asks, and never less than it would anyway', () => {
    expect(next(1, 7_000)).toBe(120_000)
    expect(next(1, 3_600_000)).toBe(3_600_000)
  })

  it('is never sooner than the interval, however long that is', () => {
    expect(
      nextLookMs({ intervalMs: 3_600_000, failures: 3, retryAfterMs: undefined, random: 0.5 }),
    ).toBe(3_600_000)
  })
})
