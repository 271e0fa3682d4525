import { describe, expect, it } from 'vitest'
import { LaneWindow } from '../../src/dispatch/lane-queue.ts'

const IDLE = { events: 0, bytes: 0, unrecorded: 0 }

function open(events: number) {
  const clock = { now: 5_000 }
  const window = new LaneWindow(() => clock.now)
  window.open(events)
  return { window, clock }
}

describe('LaneWindow', () => {
  it('wants nothing before there is a process', () => {
    expect(new LaneWindow(() => 0).room(IDLE)).toBeUndefined()
  })

  it('asks for more when half of it is free', () => {
    const { window } = open(20)
    expect(window.room(IDLE)).toMatchObject({ events: 20 })
    expect(window.room({ ...IDLE, events: 10 })).toMatchObject({ events: 10 })
    expect(window.room({ ...IDLE, events: 11 })).toBeUndefined()
    expect(window.room({ ...IDLE, bytes: 16 * 1024 * 1024 })).toBeUndefined()
  })

  it('grows with what ends, up to 4,000 events, and asks for 2,000 at most', () => {
    const { window } = open(20)
    window.noteEnds(20, 0)
    expect(window.room(IDLE)).toMatchObject({ events: 40 })
    window.noteEnds(5_000, 0)
    expect(window.room({ ...IDLE, events: 2_000 })).toMatchObject({ events: 2_000 })
    expect(window.room({ ...IDLE, events: 2_001 })).toBeUndefined()
  })

  it('claims nothing while too much is not recorded', () => {
    const { window } = open(20)
    expect(window.room({ ...IDLE, unrecorded: 8_011 })).toBeUndefined()
    expect(window.takes({ events: 1, bytes: 1 }, { ...IDLE, unrecorded: 8_001 })).toBe(false)
  })

  it('takes a fresh run whole when nothing is in hands, else when it fits', () => {
    const { window } = open(20)
    const run = { events: 500, bytes: 200_000 }
    expect(window.takes(run, IDLE)).toBe(true)
    expect(window.takes(run, { ...IDLE, events: 1 })).toBe(false)
    window.noteEnds(5_000, 0)
    expect(window.takes(run, { ...IDLE, events: 3_500 })).toBe(true)
    expect(window.takes(run, { ...IDLE, events: 3_501 })).toBe(false)
    expect(window.takes(run, { events: 1, bytes: 16 * 1024 * 1024, unrecorded: 0 })).toBe(false)
  })

  it('hands out a hundred a second after a hundred failures in a row, until one succeeds', () => {
    const { window, clock } = open(1_000)
    window.noteEnds(1, 99)
    expect(window.allowance()).toBe(Number.POSITIVE_INFINITY)
    window.noteEnds(0, 1)
    expect(window.allowance()).toBe(100)
    expect(window.takes({ events: 1, bytes: 1 }, IDLE)).toBe(false)
    window.noteHanded(60)
    expect(window.allowance()).toBe(40)
    expect(window.room(IDLE)).toMatchObject({ events: 40 })
    window.noteHanded(40)
    expect(window.room(IDLE)).toBeUndefined()
    expect(window.nextProbesInMs).toBe(1_000)
    clock.now += 1_000
    expect(window.allowance()).toBe(100)
    window.noteEnds(1, 0)
    expect(window.allowance()).toBe(Number.POSITIVE_INFINITY)
    expect(window.nextProbesInMs).toBeUndefined()
  })
})
