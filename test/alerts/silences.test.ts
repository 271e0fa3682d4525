import { describe, expect, it } from 'vitest'
import { findSilences, type KnownSources, noteSilences } from '../../src/alerts/silences.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, NOW } from './sample-figures.ts'

const never = () => false
const START = NOW - 10 * DAY_MS

/** What is known after batches came at these times, each noticed at once. */
function learn(times: readonly number[], watchedSince = START): KnownSources {
  let known: KnownSources = {}
  let before: Record<string, number> = {}
  for (const at of times) {
    const lastAt = { shop: at }
    known = noteSilences(known, before, { at, watchedSince, lastAt })
    before = lastAt
  }
  return known
}

function judge(known: KnownSources, last: number | undefined, at: number, silentAfterMs?: number) {
  const source = { name: 'shop', ...(silentAfterMs !== undefined && { silentAfterMs }) }
  const lastAt = last === undefined ? {} : { shop: last }
  const look = { at, watchedSince: START, lastAt, wasSilent: never }
  return findSilences([source], known, look)
}

describe('the silence of a source', () => {
  it('is unusual after three times its longest of the last week', () => {
    const times = [0, 2, 10, 12].map((hours) => NOW - 3 * DAY_MS + hours * HOUR_MS)
    const last = times.at(-1)!
    // Until it sent first, it was watched for a week, which is forgotten by now.
    const known = { shop: { ...learn(times).shop!, longest: learn(times, times[0]).shop!.longest } }
    const [before] = judge(known, last, last + 24 * HOUR_MS - 1)
    const [after] = judge(known, last, last + 24 * HOUR_MS)
    expect(before).toMatchObject({ isSilent: false, limitMs: 24 * HOUR_MS })
    expect(after).toMatchObject({ isSilent: true, since: last })
  })
  it('is never unusual before an hour', () => {
    const times = Array.from({ length: 2_000 }, (_, minute) => NOW - DAY_MS + minute * MINUTE_MS)
    const known = learn(times, times[0])
    const last = times.at(-1)!
    expect(judge(known, last, last + HOUR_MS - 1)).toMatchObject([{ isSilent: false }])
    expect(judge(known, last, last + HOUR_MS)).toMatchObject([{ isSilent: true }])
  })
  it('is judged by what is usual only after a day', () => {
    const times = [NOW - HOUR_MS, NOW]
    expect(judge(learn(times, NOW - 2 * HOUR_MS), NOW, NOW + 22 * HOUR_MS)).toEqual([])
    expect(judge({}, undefined, NOW + DAY_MS)).toEqual([])
  })
  it('is judged by silentAfter at once, also of a source that never sent anything', () => {
    expect(judge({}, NOW, NOW + 299_999, 300_000)).toMatchObject([{ isSilent: false }])
    expect(judge({}, NOW, NOW + 300_000, 300_000)).toMatchObject([{ isSilent: true }])
    expect(judge({}, undefined, NOW, DAY_MS)).toMatchObject([{ isSilent: true, since: START }])
    expect(judge({}, NOW, NOW + 99 * DAY_MS, Number.POSITIVE_INFINITY)).toMatchObject([
      { isSilent: false },
    ])
  })
  it('is forgotten after a week in which it was shorter', () => {
    const days = (from: number, to: number, stepMs: number) =>
      Array.from({ length: ((to - from) * DAY_MS) / stepMs }, (_, n) => from * DAY_MS + n * stepMs)
    const times = [...days(0, 2, 6 * HOUR_MS), ...days(2, 11, 2 * HOUR_MS)]
    const last = times.at(-1)!
    expect(judge(learn(times, 0), last, last)).toMatchObject([{ limitMs: 6 * HOUR_MS }])
  })
  it('does not count while this receiver was down', () => {
    const known = noteSilences(
      {},
      { shop: NOW },
      {
        at: NOW + 5 * HOUR_MS,
        watchedSince: NOW + 4 * HOUR_MS,
        lastAt: { shop: NOW + 5 * HOUR_MS },
      },
    )
    expect(Object.values(known.shop!.longest)).toEqual([HOUR_MS])
  })
  it('is not told of in the first minutes after a start, unless it had been told before', () => {
    const look = { at: NOW, watchedSince: NOW - MINUTE_MS, lastAt: { shop: NOW - DAY_MS } }
    const sources = [{ name: 'shop', silentAfterMs: HOUR_MS }]
    const judged = (wasSilent: () => boolean) => findSilences(sources, {}, { ...look, wasSilent })
    expect(judged(never)).toMatchObject([{ isSilent: false }])
    expect(judged(() => true)).toMatchObject([{ isSilent: true }])
  })
})
