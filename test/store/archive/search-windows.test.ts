import { describe, expect, it } from 'vitest'
import { boundSearch, cutWindows } from '../../../src/store/archive/search-windows.ts'
import { batchOf, eventIdOf } from '../../../src/store/event-id.ts'

/** Looks with a clock that each window moves on by what `costMs` says of its batches. */
function walk(from: number, before: number, costMs: (batches: number) => number) {
  let now = 0
  const windows: { from: number; before: number }[] = []
  for (const window of cutWindows({ from, before }, () => now)) {
    windows.push(window)
    now += costMs(batchesOf(window))
  }
  return { windows, now }
}

const batchesOf = ({ from, before }: { from: number; before: number }): number =>
  batchOf(before - 1) + 1 - batchOf(from)

const MANY = eventIdOf(1_000_000, 0)

describe('windows of a search', () => {
  it('cover everything once, the newest first, and grow where looking is quick', () => {
    const { windows } = walk(7, MANY + 5, () => 1)
    expect(windows[0]?.before).toBe(MANY + 5)
    expect(windows.at(-1)?.from).toBe(7)
    windows.slice(1).forEach((one, index) => expect(one.before).toBe(windows[index]?.from))
    expect(windows.length).toBeLessThan(9)
  })

  it('hold whole batches, but for the event at which a search goes on', () => {
    const { windows } = walk(0, eventIdOf(40, 3), () => 1)
    expect(windows[0]).toEqual({ from: eventIdOf(39, 0), before: eventIdOf(40, 3) })
    expect(windows[1]).toEqual({ from: eventIdOf(23, 0), before: eventIdOf(39, 0) })
  })

  it('end when time is up, having looked no longer than a moment at once', () => {
    const { windows, now } = walk(0, MANY, (batches) => batches / 50)
    expect(windows.at(-1)?.from).toBeGreaterThan(0)
    expect(now).toBeLessThan(210)
    expect(Math.max(...windows.map(batchesOf))).toBeLessThan(2_000)
  })

  it('go on from where the last look ended, also in the midst of a batch', () => {
    const windows = cutWindows({ from: 0, before: eventIdOf(9, 100) }, () => 0)
    expect(windows.next().value).toMatchObject({ before: eventIdOf(9, 100) })
    expect(windows.next(eventIdOf(9, 70)).value).toMatchObject({ before: eventIdOf(9, 70) })
  })

  it('grow by what was looked at, not by what might have been', () => {
    const windows = cutWindows({ from: 0, before: eventIdOf(1_000, 0) }, () => 0)
    let window = windows.next().value
    for (let n = 0; n < 4; n++) window = windows.next(eventIdOf(990, 100 - n)).value
    expect(batchesOf(window!)).toBe(8)
  })

  it('always look once, so that asking again comes to an end', () => {
    expect(walk(0, MANY, () => 10_000).windows).toHaveLength(1)
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
