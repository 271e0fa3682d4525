import { describe, expect, it } from 'vitest'
import { INDEX_BYTES, type PageHead } from '../../../src/dispatch/channel-frames.ts'
import { Holdings } from '../../../src/dispatch/holdings.ts'
import { takePage } from '../../../src/dispatch/lane-queue.ts'
import { orderFrame, pageFrame } from '../../../src/dispatch/process/page-frame.ts'
import { PageLedger, type Portion } from '../../../src/dispatch/process/page-ledger.ts'
import { jobOf, makeRun, payloadOf, runOf } from './sample-portions.ts'

const runPortion = (run: ReturnType<typeof makeRun>) => new Holdings().take(run)

/** As the child reads it. */
function frameOf(portions: readonly Portion[]) {
  const written = Buffer.concat(pageFrame(new PageLedger().hand(portions, 0)))
  const headEnd = 8 + written.readUInt32LE(0)
  const head: PageHead = JSON.parse(written.toString('utf8', 8, headEnd))
  const size = head.parts.reduce((sum, { events }) => sum + events, 0)
  const index = written.subarray(headEnd, headEnd + size * INDEX_BYTES)
  const bytes = written.subarray(headEnd + index.length)
  expect(written.readUInt32LE(4)).toBe(index.length + bytes.length)
  return { head, index, bytes }
}

function payloadsOf({ index, bytes }: ReturnType<typeof frameOf>): string[] {
  return Array.from({ length: index.length / INDEX_BYTES }, (_, n) => {
    const start = index.readUInt32LE(n * INDEX_BYTES)
    return bytes.subarray(start, start + index.readUInt32LE(n * INDEX_BYTES + 4)).toString()
  })
}

describe('pageFrame', () => {
  it('sends a run as its bytes lie in the body, with their places and keys', () => {
    const run = makeRun([2, 3, 5], 8)
    const frame = frameOf([runPortion(run)])
    expect(payloadsOf(frame)).toEqual([2, 3, 5].map(payloadOf))
    // With the fourth, which is not wanted, in between.
    expect(frame.bytes.toString()).toBe([2, 3, 4, 5].map(payloadOf).join(','))
    expect(frame.head).toMatchObject({ page: 1, slot: 0, isAlone: false })
    const [part] = frame.head.parts
    expect(part).toMatchObject({ provider: 'mailtrap', source: 'mailtrap', attempt: 2 })
    for (const [n, event] of [2, 3, 5].entries()) {
      const key = frame.index.subarray(n * INDEX_BYTES + 8, (n + 1) * INDEX_BYTES)
      expect(key).toEqual(Buffer.alloc(16, event))
    }
  })

  it('gathers few events of a large body', () => {
    const frame = frameOf([runPortion(makeRun([1, 90], 100))])
    expect(payloadsOf(frame)).toEqual([1, 90].map(payloadOf))
    expect(frame.bytes.toString()).toBe(payloadOf(1) + payloadOf(90))
  })

  it('sends events that do not lie in order', () => {
    expect(payloadsOf(frameOf([runPortion(makeRun([5, 2, 3], 8))]))).toEqual(
      [5, 2, 3].map(payloadOf),
    )
  })

  it('puts runs and jobs into one page, a part each', () => {
    const portions = [runOf(3), jobOf(20), jobOf(21), ...Array.from({ length: 20 }, () => runOf(1))]
    const frame = frameOf(portions)
    expect(frame.head.parts).toHaveLength(23)
    expect(frame.head.parts[1]?.attempt).toBe(4)
    const ones = Array.from({ length: 20 }, () => payloadOf(0))
    expect(payloadsOf(frame)).toEqual([...[0, 1, 2, 20, 21].map(payloadOf), ...ones])
  })
})

describe('orderFrame', () => {
  it('is a head without anything behind it', () => {
    const written = orderFrame({ stop: true })
    expect(written.readUInt32LE(4)).toBe(0)
    expect(written.length).toBe(8 + written.readUInt32LE(0))
    expect(JSON.parse(written.toString('utf8', 8))).toEqual({ stop: true })
  })
})

describe('takePage', () => {
  function pagesOf(portions: readonly Portion[], most = Number.POSITIVE_INFINITY) {
    const waiting = [...portions]
    const pages: Portion[][] = []
    while (waiting.length > 0) pages.push(takePage(waiting, most))
    return pages
  }
  const sizes = (portions: readonly Portion[], most?: number) =>
    pagesOf(portions, most).map((page) => page.reduce((sum, { events }) => sum + events.length, 0))

  it('fills pages of up to 500 events, in order', () => {
    expect(sizes([runOf(500)])).toEqual([500])
    expect(sizes([runOf(300), runOf(200), runOf(1)])).toEqual([500, 1])
    expect(sizes([runOf(300), runOf(300)])).toEqual([300, 300])
    expect(sizes([runOf(1_023)])).toEqual([500, 500, 23])
    expect(sizes([])).toEqual([])
  })

  it('takes no more than it may, in order, and leaves the rest', () => {
    expect(sizes([runOf(60), runOf(60)], 100)).toEqual([60, 60])
    expect(sizes([runOf(250)], 100)).toEqual([100, 100, 50])
    const waiting = [runOf(3)]
    expect(takePage(waiting, 0)).toEqual([])
    expect(takePage(waiting, 2)[0]?.events.map(({ event }) => event)).toEqual([0, 1])
    expect(waiting[0]?.events.map(({ event }) => event)).toEqual([2])
  })

  it('puts no more than a megabyte together', () => {
    const large = { ...runOf(1), events: [{ ...runOf(1).events[0]!, bytes: 700_000 }] }
    expect(sizes([runOf(1), large, large])).toEqual([2, 1])
  })

  it('gives what runs alone a page of its own', () => {
    const pages = pagesOf([jobOf(2), jobOf(4), jobOf(1, true), jobOf(3, true)])
    expect(pages.map((page) => page.map(({ events }) => events[0]?.event))).toEqual([
      [2, 4],
      [1],
      [3],
    ])
  })
})
