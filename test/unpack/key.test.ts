import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ProviderName } from '../../src/model.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import { createContentKeys, writeIdentityKey } from '../../src/unpack/key.ts'

function keyOf(provider: ProviderName, id: string) {
  const bytes = Buffer.alloc(16)
  const isId = writeIdentityKey(PROVIDERS[provider], id, bytes, 0)
  return { bytes, isId }
}

const text = (key: Uint8Array) => Buffer.from(key).toString('base64url')
const keyOfIdentity = (provider: ProviderName, id: string) => text(keyOf(provider, id).bytes)

describe('writeIdentityKey', () => {
  it('is the first 128 bits of a SHA-256 over provider and identity', () => {
    const digest = createHash('sha256').update('mailtrap\0"evt-1"').digest()
    expect(keyOfIdentity('mailtrap', 'evt-1')).toBe(digest.subarray(0, 16).toString('base64url'))
  })

  it('is 16 bytes exactly, so that a store may keep it as bytes', () => {
    for (let id = 0; id < 200; id++) {
      const key = keyOfIdentity('mailtrap', String(id))
      expect(key).toMatch(/^[\w-]{22}$/)
      expect(Buffer.from(key, 'base64url').toString('base64url')).toBe(key)
    }
  })

  it('is the id itself where that is a UUID of Mailtrap, as most programs write it', () => {
    const uuid = '0198c0de-7a11-7bbb-8ccc-00000000000f'
    expect(keyOf('mailtrap', uuid)).toEqual({
      bytes: Buffer.from(uuid.replaceAll('-', ''), 'hex'),
      isId: true,
    })
    for (const other of [uuid.toUpperCase(), uuid.replaceAll('-', ''), `${uuid} `]) {
      expect(keyOf('mailtrap', other).isId).toBe(false)
    }
    expect(keyOf('mailingapi', uuid).isId).toBe(false)
    expect(keyOfIdentity('mailingapi', uuid)).not.toBe(keyOfIdentity('mailtrap', uuid))
  })

  it('tells ids apart that differ only in what an encoder cannot write, and however long they are', () => {
    const long = 'x'.repeat(5_000)
    const ids = ['a\0', 'a\ufffd', 'a\ud800', 'a\udbff', 'a', `${long}1`, `${long}2`]
    expect(new Set(ids.map((id) => keyOfIdentity('mailtrap', id))).size).toBe(ids.length)
  })

  it('differs between providers', () => {
    expect(keyOfIdentity('mailtrap', '1')).not.toBe(keyOfIdentity('mailingapi', '1'))
  })
})

describe('createContentKeys', () => {
  it('numbers identical contents, each on its own', () => {
    const straight = createContentKeys('mailtrap', 'audit')
    const mixed = createContentKeys('mailtrap', 'audit')
    const [a0, a1, b0] = [straight('a'), straight('a'), straight('b')].map(text)
    expect([mixed('b'), mixed('a'), mixed('a')].map(text)).toEqual([b0, a0, a1])
    expect(new Set([a0, a1, b0]).size).toBe(3)
  })

  it('differs between sources', () => {
    expect(text(createContentKeys('mailtrap', 'one')('a'))).not.toBe(
      text(createContentKeys('mailtrap', 'two')('a')),
    )
  })
})
