import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decideOutcome, nextOutcome } from '../../src/dispatch/retry-policy.ts'

const delaysMs = [5_000, 30_000, 120_000]

describe('nextOutcome', () => {
  it('waits half of the scheduled time to all of it', () => {
    expect(nextOutcome(1, 'no', { delaysMs, random: () => 0 })).toEqual({
      kind: 'retry',
      error: 'no',
      delayMs: 2_500,
    })
    expect(nextOutcome(3, 'no', { delaysMs, random: () => 1 })).toMatchObject({ delayMs: 120_000 })
  })

  it('ends as dead after the last wait', () => {
    expect(nextOutcome(4, 'no', { delaysMs, random: () => 0 })).toEqual({
      kind: 'dead',
      error: 'no',
    })
    expect(nextOutcome(40, 'no', { delaysMs, random: () => 0 })).toMatchObject({ kind: 'dead' })
    expect(nextOutcome(1, 'no', { delaysMs: [], random: () => 0 })).toMatchObject({ kind: 'dead' })
  })

  it('stays within half and whole for any schedule, attempt and chance', () => {
    const schedule = fc.array(fc.integer({ min: 0, max: 86_400_000 }), { maxLength: 20 })
    const chance = fc.double({ min: 0, max: 0.999_999, noNaN: true })
    fc.assert(
      fc.property(schedule, fc.integer({ min: 1, max: 30 }), chance, (delays, attempt, random) => {
        const outcome = nextOutcome(attempt, 'no', { delaysMs: delays, random: () => random })
        const delayMs = delays[attempt - 1]
        if (delayMs === undefined) return outcome.kind === 'dead'
        if (outcome.kind !== 'retry') return false
        return outcome.delayMs >= Math.floor(delayMs / 2) && outcome.delayMs <= delayMs
      }),
    )
  })
})

describe('decideOutcome', () => {
  const policy = { delaysMs, random: () => 0 }

  it('never lets an interrupted attempt be dead, and spares it', () => {
    expect(decideOutcome(99, { kind: 'interrupted', error: 'killed' }, policy)).toEqual({
      kind: 'retry',
      error: 'killed',
      delayMs: 0,
      isSpared: true,
    })
  })

  it('has what may have ended its process run again alone', () => {
    expect(decideOutcome(99, { kind: 'suspect', error: 'ended' }, policy)).toEqual({
      kind: 'alone',
      error: 'ended',
    })
  })

  it('passes on what the handler says is final', () => {
    expect(decideOutcome(1, { kind: 'dead', error: 'no' }, policy)).toEqual({
      kind: 'dead',
      error: 'no',
    })
  })

  it('asks the schedule for what failed', () => {
    expect(decideOutcome(2, { kind: 'retry', error: 'no' }, policy)).toEqual({
      kind: 'retry',
      error: 'no',
      delayMs: 15_000,
    })
  })

  it.each([
    [1_000, 2_500],
    [60_000, 60_000],
  ])('waits no less than the %i ms that were asked for', (afterMs, delayMs) => {
    const policy = { delaysMs, random: () => 0 }
    expect(decideOutcome(1, { kind: 'retry', error: 'busy', afterMs }, policy)).toEqual({
      kind: 'retry',
      error: 'busy',
      delayMs,
    })
    expect(decideOutcome(4, { kind: 'retry', error: 'busy', afterMs }, policy)).toEqual({
      kind: 'dead',
      error: 'busy',
    })
  })
})
