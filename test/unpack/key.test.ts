import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createContentKeys, keyOfIdentity } from '../../src/unpack/key.ts'

describe('keyOfIdentity', () => {
  it('is the first 128 bits of a SHA-256 over provider and identity', () => {
    const digest = createHash('sha256').update('mailtrap\0evt-1').digest()
    expect(keyOfIdentity('mailtrap', 'evt-1')).toBe(digest.subarray(0, 16).toString('base64url'))
  })

  it('is 16 bytes exactly, so that a store may keep it as bytes', () => {
    for (let id = 0; id < 200; id++) {
      const key = keyOfIdentity('mailtrap', String(id))
      expect(key).toMatch(/^[\w-]{22}$/)
      expect(Buffer.from(key, 'base64url').toString('base64url')).toBe(key)
    }
  })

  it('differs between providers', () => {
    expect(keyOfIdentity('mailtrap', '1')).not.toBe(keyOfIdentity('mailingapi', '1'))
  })
})

describe('createContentKeys', () => {
  it('numbers identical contents, each on its own', () => {
    const straight = createContentKeys('mailtrap', 'audit')
    const mixed = createContentKeys('mailtrap', 'audit')
    const [a0, a1, b0] = [straight('a'), straight('a'), straight('b')]
    expect([mixed('b'), mixed('a'), mixed('a')]).toEqual([b0, a0, a1])
    expect(new Set([a0, a1, b0]).size).toBe(3)
  })

  it('differs between sources', () => {
    expect(createContentKeys('mailtrap', 'one')('a')).not.toBe(
      createContentKeys('mailtrap', 'two')('a'),
    )
  })
})
