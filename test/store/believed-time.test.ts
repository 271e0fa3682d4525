import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findKeyFloor, isReceivedBefore, type KeyMark } from '../../src/store/believed-time.ts'

const HOUR = 3_600_000
const NOW_HOUR = Math.floor(Date.UTC(2026, 10, 1) / HOUR)
const now = NOW_HOUR * HOUR + 1
const DAYS = 24

/** Marks of a hundred events each, in order, by how many hours ago they were made. */
const marksOf = (...hoursAgo: number[]): KeyMark[] =>
  hoursAgo.map((ago, n) => ({ hour: NOW_HOUR - ago, first: n * 100, last: n * 100 + 99 }))

const floorOf = (marks: readonly KeyMark[], hoursAgo: number) =>
  findKeyFloor(marks, { receivedBefore: now - hoursAgo * HOUR, now })

describe('how far keys are forgotten', () => {
  it('is up to the first hour that is not over by then', () => {
    const { before, prunedThrough } = floorOf(marksOf(500, 400, 300, 200), 350)
    expect(before).toBe(200)
    expect(prunedThrough).toBe((NOW_HOUR - 399) * HOUR)
    expect(floorOf(marksOf(500, 400), 600)).toEqual({ before: 0, prunedThrough: 0 })
    expect(floorOf(marksOf(500, 400), 100).before).toBe(200)
    expect(floorOf([], 1)).toEqual({ before: 0, prunedThrough: 0 })
  })

  it('takes an hour of 1970 for the next that can be right', () => {
    const marks: KeyMark[] = [
      { hour: 3, first: 0, last: 99 },
      { hour: NOW_HOUR - 10, first: 100, last: 199 },
    ]
    expect(floorOf(marks, 400 * DAYS)).toEqual({ before: 0, prunedThrough: 0 })
    expect(floorOf(marks.slice(0, 1), 400 * DAYS).before).toBe(0)
    expect(floorOf(marks, 5).before).toBe(200)
  })

  it('takes no hour for older than those before it', () => {
    expect(floorOf(marksOf(50, 900, 40), 100).before).toBe(0)
  })

  it('passes by hours of the future, and takes none of them for the time of a key', () => {
    const marks = marksOf(900, -700 * DAYS, 800, 100)
    expect(floorOf(marks, 400)).toEqual({
      before: 300,
      prunedThrough: (NOW_HOUR - 799) * HOUR,
    })
  })

  it('ends at a batch whose keys are still to come', () => {
    const limits = { receivedBefore: now, now, openFrom: 130 }
    expect(findKeyFloor(marksOf(500, 400, 300), limits).before).toBe(130)
    expect(findKeyFloor(marksOf(500, 400, 300), { ...limits, openFrom: 999 }).before).toBe(300)
  })

  it('never takes a key away that was received later by any clock that went forward', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 5_000 }),
        (hours, limit) => {
          const marks = marksOf(...hours.sort((a, b) => b - a))
          const { before, prunedThrough } = floorOf(marks, limit)
          const receivedBefore = now - limit * HOUR
          for (const { hour, last } of marks) {
            if (last < before) expect((hour + 1) * HOUR).toBeLessThanOrEqual(receivedBefore)
          }
          expect(prunedThrough).toBeLessThanOrEqual(receivedBefore)
        },
      ),
    )
  })
})

describe('whether a batch was received before a time', () => {
  const limit = now - 30 * DAYS * HOUR
  const ask = (receivedAt: number, next?: number) =>
    isReceivedBefore(receivedAt, limit, { nextAt: next, now })

  it('is what it says, where that can be right', () => {
    expect([ask(limit - 1), ask(limit), ask(now + 1e12)]).toEqual([true, false, false])
  })

  it('is what the next one says, where it says 1970; and it came just now when there is none', () => {
    expect([ask(1_000, limit - 1), ask(1_000, limit), ask(1_000)]).toEqual([true, false, false])
  })
})
