import { describe, expect, it } from 'vitest'
import { searchEvents } from '../../../src/store/archive/candidates.ts'
import type { SearchWindow } from '../../../src/store/archive/port.ts'
import { batchOf, eventIdOf } from '../../../src/store/event-id.ts'
import { atOnce } from '../../../src/store/steps.ts'

interface Walk {
  /** What the look took, by the batches in its window. */
  readonly costMs?: (batches: number) => number
  /** From where on it has looked; undefined: at the whole window. */
  readonly reached?: (look: number) => number | undefined
}

/** Searches from the first event to before the last, and finds nothing. */
function walk(from: number | null, before: number, { costMs, reached }: Walk = {}) {
  let now = 0
  const windows: SearchWindow[] = []
  const bounds = { first: from, last: from === null ? null : before - 1 }
  const steps = searchEvents(
    { now: () => now },
    {
      before: Number.MAX_SAFE_INTEGER,
      limit: 1,
      look(window) {
        windows.push(window)
        now += costMs?.(batchesOf(window)) ?? 0
        return atOnce({ rows: [], reached: reached?.(windows.length) })
      },
      cursorOf: () => '',
      cursorBefore: String,
    },
  )
  let step = steps.next([])
  while (!step.done) step = steps.next([bounds])
  return { windows, now, page: step.value }
}

const batchesOf = ({ from, before }: SearchWindow): number =>
  batchOf(before - 1) + 1 - batchOf(from)

const MANY = eventIdOf(1_000_000, 0)

describe('windows of a search', () => {
  it('cover everything once, the newest first, and grow where looking is quick', () => {
    const { windows, page } = walk(7, MANY + 5, { costMs: () => 1 })
    expect(windows[0]?.before).toBe(MANY + 5)
    expect(windows.at(-1)?.from).toBe(7)
    windows.slice(1).forEach((one, index) => expect(one.before).toBe(windows[index]?.from))
    expect(windows.length).toBeLessThan(9)
    expect(page).toEqual({ rows: [], cursor: undefined })
  })

  it('hold whole batches, but for the event at which a search goes on', () => {
    const { windows } = walk(0, eventIdOf(40, 3), { costMs: () => 1 })
    expect(windows[0]).toEqual({ from: eventIdOf(39, 0), before: eventIdOf(40, 3) })
    expect(windows[1]).toEqual({ from: eventIdOf(23, 0), before: eventIdOf(39, 0) })
  })

  it('end when time is up, having looked no longer than a moment at once', () => {
    const { windows, now, page } = walk(0, MANY, { costMs: (batches) => batches / 50 })
    expect(windows.at(-1)?.from).toBeGreaterThan(0)
    expect(page).toEqual({ rows: [], cursor: String(windows.at(-1)?.from), isPartial: true })
    expect(now).toBeLessThan(210)
    expect(Math.max(...windows.map(batchesOf))).toBeLessThan(2_000)
  })

  it('go on from where the last look ended, also in the midst of a batch', () => {
    const reached = (look: number) => (look === 1 ? eventIdOf(9, 70) : undefined)
    const { windows } = walk(0, eventIdOf(9, 100), { reached })
    expect(windows[0]).toMatchObject({ before: eventIdOf(9, 100) })
    expect(windows[1]).toMatchObject({ before: eventIdOf(9, 70) })
  })

  it('grow by what was looked at, not by what might have been', () => {
    const reached = (look: number) => (look < 5 ? eventIdOf(990, 101 - look) : undefined)
    const { windows } = walk(0, eventIdOf(1_000, 0), { reached })
    expect(batchesOf(windows[4]!)).toBe(8)
  })

  it('always look once, so that asking again comes to an end', () => {
    expect(walk(0, MANY, { costMs: () => 10_000 }).windows).toHaveLength(1)
  })

  it('are none where nothing is', () => {
    const nothing = { windows: [], page: { rows: [], cursor: undefined } }
    expect(walk(null, 0)).toMatchObject(nothing)
  })

  it('begin with the last event there is', () => {
    expect(walk(3, 10).windows[0]).toEqual({ from: 3, before: 10 })
  })
})
