import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Holdings } from '../../src/dispatch/holdings.ts'
import { makeJob, makeRun } from './process/sample-portions.ts'

const retry = { kind: 'retry', error: 'no', delayMs: 5 } as const
const NOTHING = { progress: [], jobs: [] }

describe('Holdings', () => {
  it('gathers what has ended of a run until it is taken', () => {
    const holdings = new Holdings()
    const run = makeRun([0, 1, 2])
    holdings.take(run)
    holdings.noteDone(run, [0], [7])
    holdings.noteFailed(run, { event: 2, durationMs: 3, outcome: retry })
    holdings.noteDone(run, [1], [8])
    expect(holdings.takeEnded()).toEqual({
      progress: [
        {
          run: 1,
          handler: 'handler',
          fence: 3,
          batch: 7,
          done: [0, 1],
          doneMs: [7, 8],
          failed: [{ event: 2, durationMs: 3, outcome: retry }],
          isGivenBack: false,
        },
      ],
      jobs: [],
    })
  })

  it('gives the same again until it is recorded, and then what came meanwhile', () => {
    const holdings = new Holdings()
    const [run, job] = [makeRun([0, 1]), makeJob(20)]
    holdings.take(run)
    holdings.take(job)
    holdings.noteDone(run, [0], [1])
    const first = holdings.takeEnded()
    holdings.noteDone(run, [1], [2])
    holdings.noteDone(job, [20], [4])
    expect(holdings.takeEnded()).toBe(first)
    expect(holdings.figures().unrecorded).toBe(3)
    holdings.recorded()
    expect(holdings.held().runs).toHaveLength(1)
    expect(holdings.takeEnded()).toMatchObject({
      progress: [{ done: [1] }],
      jobs: [{ event: 20, handler: 'handler', fence: 9, durationMs: 4, outcome: { kind: 'done' } }],
    })
    holdings.recorded()
    expect(holdings.takeEnded()).toEqual(NOTHING)
    expect(holdings.isEmpty).toBe(true)
  })

  it('gives a run back only when nothing of it is under way', () => {
    const holdings = new Holdings()
    const run = makeRun([0, 1, 2])
    const portion = holdings.take(run)
    holdings.giveBack({ ...portion, events: portion.events.slice(2) })
    expect(holdings.takeEnded().progress).toMatchObject([{ done: [], isGivenBack: false }])
    holdings.recorded()
    holdings.noteDone(run, [0, 1], [1, 1])
    expect(holdings.takeEnded().progress).toMatchObject([{ done: [0, 1], isGivenBack: true }])
    holdings.recorded()
    expect(holdings.isEmpty).toBe(true)
  })

  it('releases a job that was not begun, once', () => {
    const holdings = new Holdings()
    const job = makeJob(20)
    const portion = holdings.take(job)
    holdings.giveBack(portion)
    holdings.giveBack(portion)
    expect(holdings.takeEnded().jobs).toMatchObject([{ outcome: { kind: 'released' } }])
  })

  it('accounts for every event, whatever ends in which order', () => {
    const step = fc.constantFrom('done', 'failed', 'back', 'take', 'recorded')
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const holdings = new Holdings()
        const run = makeRun(Array.from({ length: 40 }, (_, event) => event))
        const portion = holdings.take(run)
        const told: number[] = []
        let [open, failed, back, isTaken] = [0, 0, 0, false]
        for (const each of steps) {
          const event = portion.events[open]
          if (each === 'take') isTaken = holdings.takeEnded() !== undefined
          else if (each === 'recorded' && isTaken) {
            for (const { done } of holdings.takeEnded().progress) told.push(...done)
            holdings.recorded()
            isTaken = false
          } else if (event && each !== 'recorded') {
            open++
            if (each === 'done') holdings.noteDone(run, [event.event], [1])
            if (each === 'back') holdings.giveBack({ ...portion, events: [event] })
            if (each === 'failed') {
              holdings.noteFailed(run, { event: event.event, durationMs: 1, outcome: retry })
            }
            failed += each === 'failed' ? 1 : 0
            back += each === 'back' ? 1 : 0
          }
        }
        for (let n = 0; n < 2; n++) {
          for (const { done } of holdings.takeEnded().progress) told.push(...done)
          holdings.recorded()
        }
        expect(new Set(told).size).toBe(told.length)
        expect(told.length).toBe(open - failed - back)
        expect(holdings.figures()).toMatchObject({ events: 40 - open, unrecorded: 0 })
        expect(holdings.isEmpty).toBe(open === 40)
      }),
    )
  })
})
