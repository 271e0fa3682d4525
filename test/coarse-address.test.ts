import { describe, expect, it } from 'vitest'
import { coarseAddress } from '../src/coarse-address.ts'

describe('coarseAddress', () => {
  it.each([
    ['192.0.2.77', '192.0.2.0/24'],
    ['::ffff:192.0.2.77', '192.0.2.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:db8::9', '2001:db8::/48'],
    ['::1', '::/48'],
    ['192.0.2.77:4711', '192.0.2.0/24'],
    ['[2001:db8:1::9]:443', '2001:db8:1::/48'],
    ['leak', undefined],
  ])('%s lies in %s', (address, block) => expect(coarseAddress(address)).toBe(block))
})
