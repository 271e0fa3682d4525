import { describe, expect, it } from 'vitest'
import { compileAllowList } from '../../src/receive/admit.ts'

describe('compileAllowList', () => {
  const allows = compileAllowList(['45.158.83.0/24', '192.0.2.7', '2001:db8::/32', '2001:db9::1'])

  it.each([
    '45.158.83.0',
    '45.158.83.255',
    '::ffff:45.158.83.130',
    '45.158.83.130:4711',
    '192.0.2.7',
    '2001:db8:ffff::1',
    '[2001:db8::1]:443',
    '2001:db9::1',
  ])('lets %s in', (address) => {
    expect(allows(address)).toBe(true)
  })

  it.each([
    undefined,
    '',
    'unknown',
    '45.158.82.255',
    '45.158.84.0',
    '192.0.2.8',
    '2001:db7::1',
    '2001:db9::2',
    '::ffff:192.0.2.8',
  ])('keeps %s out', (address) => {
    expect(allows(address)).toBe(false)
  })

  it('lets everybody in when empty, even without an address', () => {
    expect(compileAllowList([])(undefined)).toBe(true)
  })

  it.each(['mailtrap', '10.0.0.0/33', '10.0.0.0/x', '10.0.0/8'])('throws on %s', (block) => {
    expect(() => compileAllowList([block])).toThrow()
  })
})
