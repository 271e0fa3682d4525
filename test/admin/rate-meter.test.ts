import { describe, expect, it } from 'vitest'
import { createRateMeter } from '../../src/admin/api/stats.ts'

function setUp() {
  const measure = createRateMeter()
  const look = (seconds: number, events: number, batches = 0) =>
    measure({ events, batches, at: seconds * 1_000 })
  return { look }
}

describe('createRateMeter', () => {
  it('has nothing to say after one look', () => {
    const { look } = setUp()

    expect(look(0, 1_000, 10)).toBeUndefined()
  })

  it('compares with the first look of the last minute', () => {
    const { look } = setUp()
    look(0, 0, 0)
    for (let second = 2; second < 30; second += 2) look(second, second * 100, second)

    expect(look(30, 3_000, 30)).toEqual({
      events_per_second: 100,
      batches_per_second: 1,
      over_seconds: 30,
    })
  })

  it('forgets what is older than a minute', () => {
    const { look } = setUp()
    for (let second = 0; second <= 100; second += 2) look(second, second < 50 ? 0 : 1_000)

    expect(look(102, 1_000)).toMatchObject({ events_per_second: 16.67, over_seconds: 60 })
    for (let second = 104; second <= 110; second += 2) look(second, 1_000)
    expect(look(112, 1_000)).toMatchObject({ events_per_second: 0, over_seconds: 60 })
  })

  it('stays quiet when the last look is minutes ago', () => {
    const { look } = setUp()
    look(0, 0)

    expect(look(121, 1_000)).toBeUndefined()
    expect(look(131, 1_100)).toMatchObject({ events_per_second: 10, over_seconds: 10 })
  })

  it('does not go below zero when old rows are pruned', () => {
    const { look } = setUp()
    look(0, 1_000, 50)

    expect(look(10, 400, 20)).toEqual({
      events_per_second: 0,
      batches_per_second: 0,
      over_seconds: 10,
    })
  })

  it('does not divide by next to nothing', () => {
    const { look } = setUp()
    look(0, 0)

    expect(look(0, 500)).toBeUndefined()
    expect(look(0.5, 500)).toBeUndefined()
    expect(look(1, 500)).toMatchObject({ events_per_second: 500 })
  })

  it('begins anew when the clock was set back', () => {
    const { look } = setUp()
    look(1_000, 0)

    expect(look(10, 100)).toBeUndefined()
    expect(look(20, 200)).toMatchObject({ events_per_second: 10 })
  })
})
