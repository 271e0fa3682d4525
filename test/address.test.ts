import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanAddress, coarseAddress, isLoopback, isPrivate } from '../src/address.ts'

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
    ['::ffff:2d9e:5381', '45.158.83.129'],
    ['2001:DB8:0:0::7', '2001:db8::7'],
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

describe('isLoopback', () => {
  it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.8.8.8', '::1'])('%s is', (host) =>
    expect(isLoopback(host)).toBe(true),
  )
  it.each(['0.0.0.0', '::', '127.example.com', '10.0.0.1', 'localhost.example.com'])(
    '%s is not',
    (host) => expect(isLoopback(host)).toBe(false),
  )
})

describe('isPrivate', () => {
  it.each([
    '10.1.2.3',
    '100.64.0.1',
    '169.254.1.1',
    '172.31.0.1',
    '192.168.0.9',
    'fd00::1',
    'fe80::1',
  ])('holds for %s', (address) => expect(isPrivate(address)).toBe(true))

  it.each(['45.158.83.129', '172.32.0.1', '2001:db8::7', '127.0.0.1', 'localhost'])(
    'does not hold for %s',
    (address) => expect(isPrivate(address)).toBe(false),
  )
})
