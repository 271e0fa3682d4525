import { describe, expect, it } from 'vitest'
import { createAttemptLimit } from '../../../src/admin/protect/attempt-limit.ts'

const TEN = Array.from({ length: 10 })

describe('createAttemptLimit', () => {
  it('lets an address wait from its tenth failure to the end of its minute', () => {
    let now = 1_000
    const limit = createAttemptLimit(() => now)

    const waits = TEN.map(() => {
      limit.countFailure('192.0.2.1')
      return limit.waitSeconds('192.0.2.1')
    })
    now = 60_999

    expect(waits).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 60])
    expect(limit.waitSeconds('192.0.2.1')).toBe(1)
    now = 61_000
    expect(limit.waitSeconds('192.0.2.1')).toBe(0)
  })

  it('begins a new minute with the first failure after the last', () => {
    let now = 0
    const limit = createAttemptLimit(() => now)
    for (const _ of TEN.slice(1)) limit.countFailure('192.0.2.1')
    now = 60_000
    for (const _ of TEN.slice(1)) limit.countFailure('192.0.2.1')

    expect(limit.waitSeconds('192.0.2.1')).toBe(0)
  })

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['::1', '::2', true],
    ['fe80::1%eth0', 'fe80::2%eth1', true],
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['no address', 'no address', true],
  ])('holds %s and %s for one: %s', (failing, asking, isOne) => {
    const limit = createAttemptLimit(() => 0)
    for (const _ of TEN) limit.countFailure(failing)

    expect(limit.waitSeconds(asking) > 0).toBe(isOne)
  })

  it('forgets the oldest address when ten thousand newer ones have failed', () => {
    const limit = createAttemptLimit(() => 0)
    for (const _ of TEN) limit.countFailure('192.0.2.1')
    for (let other = 0; other < 9_999; other += 1)
      limit.countFailure(`10.0.${other >> 8}.${other & 255}`)
    expect(limit.waitSeconds('192.0.2.1')).toBe(60)

    limit.countFailure('10.1.0.1')

    expect(limit.waitSeconds('192.0.2.1')).toBe(0)
  })
})
