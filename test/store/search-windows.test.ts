import { describe, expect, it } from 'vitest'
import { boundSearch, cutWindows } from '../../src/store/search-windows.ts'

/** Looks with a clock that each window moves on by what `costMs` says. */
function walk(from: number, before: number, costMs: (ids: number) => number) {
  let now = 0
  const windows: { from: number; before: number }[] = []
  for (const window of cutWindows({ from, before }, () => now)) {
    windows.push(window)
    now += costMs(window.before - window.from)
  }
  return { windows, now }
}

describe('windows of a search', () => {
  it('cover everything once, the newest first, and grow where looking is quick', () => {
    const { windows } = walk(7, 10_000_000, () => 1)
    expect(windows[0]?.before).toBe(10_000_000)
    expect(windows.at(-1)?.from).toBe(7)
    windows.slice(1).forEach((one, index) => expect(one.before).toBe(windows[index]?.from))
    expect(windows.length).toBeLessThan(8)
  })

  it('end when time is up, having looked no longer than a moment at once', () => {
    const { windows, now } = walk(0, 10_000_000, (ids) => ids / 500)
    expect(windows.at(-1)?.from).toBeGreaterThan(0)
    expect(now).toBeLessThan(210)
    expect(Math.max(...windows.map((one) => one.before - one.from))).toBeLessThan(20_000)
  })

  it('go on from where the last look ended', () => {
    const windows = cutWindows({ from: 0, before: 10_000 }, () => 0)
    const first = windows.next().value
    expect(first).toMatchObject({ before: 10_000 })
    expect(windows.next(9_990).value).toMatchObject({ before: 9_990 })
  })

  it('always look once, so that asking again comes to an end', () => {
    expect(walk(0, 100_000, () => 10_000).windows).toHaveLength(1)
  })

  it('are none where nothing is', () => {
    expect(walk(0, 0, () => 1).windows).toEqual([])
    expect(boundSearch({ first: null, last: null }, 50)).toEqual({ from: 0, before: 0 })
    expect(boundSearch(undefined, 50)).toEqual({ from: 0, before: 0 })
    expect(boundSearch({ first: 3, last: 9 }, Number.MAX_SAFE_INTEGER)).toEqual({
      from: 3,
      before: 10,
    })
  })
})
