import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanAddress } from '../src/clean-address.ts'

describe('cleanAddress', () => {
  it.each([
    ['45.158.83.129', '45.158.83.129'],
    ['::ffff:45.158.83.129', '45.158.83.129'],
    ['::FFFF:45.158.83.129', '45.158.83.129'],
    ['45.158.83.129:50123', '45.158.83.129'],
    [' 45.158.83.129 ', '45.158.83.129'],
    ['2001:db8::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['[2001:db8::7]:443', '2001:db8::7'],
    ['[::ffff:45.158.83.129]:443', '45.158.83.129'],
    ['fe80::1%eth0', 'fe80::1'],
  ])('reads %s as %s', (text, address) => {
    expect(cleanAddress(text)).toBe(address)
  })

  it.each([
    undefined,
    '',
    'unknown',
    'localhost',
    '_hidden',
    '45.158.83',
    '45.158.83.256',
    '45.158.83.129:x',
    '045.158.83.129',
    '[2001:db8::7',
    '[2001:db8::7]x',
    '45.158.83.129, 10.0.0.1',
    '2001:db8::7::1',
  ])('finds no address in %s', (text) => {
    expect(cleanAddress(text)).toBeUndefined()
  })

  it('never throws and gives back what it gave', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (text) => {
        const address = cleanAddress(text)
        expect(address === undefined ? undefined : cleanAddress(address)).toBe(address)
      }),
    )
  })
})
