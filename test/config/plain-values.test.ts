import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAllowedBlocks, readHost, readTrustedBlocks } from '../../src/config/plain-values.ts'
import { WrongValue } from '../../src/config/problems.ts'

describe('readAllowedBlocks', () => {
  it('knows the word mailtrap, lone addresses and doubles', () => {
    expect(
      readAllowedBlocks('mailtrap, 10.0.0.0/8,10.0.0.0/8, 2001:db8::1, ::ffff:192.0.2.1'),
    ).toEqual([
      '45.158.83.0/24',
      '5.181.200.0/24',
      '10.0.0.0/8',
      '2001:db8::1/128',
      '::ffff:192.0.2.1/128',
    ])
  })

  it.each([
    '',
    ',',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/33',
    '10.0.0/8',
    '010.0.0.1',
    '::/129',
    'fe80::1%eth0',
    '1.2.3.4/8/8',
    'Mailtrap',
    'example.com',
    '10.0.0.0-10.0.0.9',
    '10.0.0.0/255.0.0.0',
  ])('refuses %j', (text) => expect(() => readAllowedBlocks(text)).toThrow(WrongValue))

  it('answers only what node:net takes as a block', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())
    const bits = fc.oneof(
      fc.constant(''),
      fc.integer({ min: -1, max: 140 }).map((count) => `/${count}`),
    )
    fc.assert(
      fc.property(address, bits, (start, end) => {
        for (const block of attempt(() => readAllowedBlocks(start + end)) ?? []) {
          const [net = '', prefix] = block.split('/')
          new BlockList().addSubnet(net, Number(prefix), net.includes(':') ? 'ipv6' : 'ipv4')
        }
      }),
    )
  })
})

describe('readTrustedBlocks', () => {
  it.each([
    'true',
    'false',
    'TRUE',
    '0',
    '1',
    '2',
    'loopback',
    'mailtrap',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.1/0',
  ])('refuses %j', (text) => expect(() => readTrustedBlocks(text)).toThrow(WrongValue))
})

describe('readHost', () => {
  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['[::]', '::'],
    [' localhost ', 'localhost'],
    ['db-1.internal', 'db-1.internal'],
  ])('reads %j', (text, host) => expect(readHost(text)).toBe(host))
  it.each(['300.1.1.1', '1', '-a', 'a b', 'http://x', 'x:80', ''])('refuses %j', (text) =>
    expect(() => readHost(text)).toThrow(WrongValue),
  )
})

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof WrongValue) return undefined
    throw error
  }
}
