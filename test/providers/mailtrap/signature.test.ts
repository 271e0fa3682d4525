import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mailtrap } from '../../../src/providers/mailtrap/mailtrap.ts'
import { sampleSource, VECTORS, vectorBody } from '../samples.ts'

const NOW = 1_768_651_205_000
const SECRET = '8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e'
const GOOD = '6d262e2611cd09be1f948382b5c611d63b0e585c4c9c5e40139d6ac3876d5433'

/** What the listener does: headers first, then the body. */
function findSecret(rawHeaders: string[], body: Uint8Array, secrets: readonly string[]): number {
  const signature = mailtrap.readSignature(rawHeaders)
  if (signature === undefined) return -1
  return mailtrap.verify(body, signature, sampleSource('mailtrap', { secrets }), NOW)
}

describe('Mailtrap signature vectors', () => {
  it('are all here', () => {
    expect(VECTORS.mailtrap.vectors).toHaveLength(58)
    expect(VECTORS.mailtrap.header_cases).toHaveLength(16)
    for (const [name, { bytes }] of Object.entries(VECTORS.bodies)) {
      expect(vectorBody(name)).toHaveLength(bytes)
    }
  })

  it.each(VECTORS.mailtrap.vectors)('$id is $expect', ({ secrets, body, signature, ...vector }) => {
    const found = findSecret(['Mailtrap-Signature', signature], vectorBody(body), secrets)
    expect(found >= 0 ? 'valid' : 'invalid').toBe(vector.expect)
  })

  it.each(VECTORS.mailtrap.vectors)('$id is $expect without the look at the headers', (vector) => {
    const source = sampleSource('mailtrap', { secrets: vector.secrets })
    const found = mailtrap.verify(vectorBody(vector.body), vector.signature, source, NOW)
    expect(found >= 0 ? 'valid' : 'invalid').toBe(vector.expect)
  })

  it.each(VECTORS.mailtrap.header_cases)('header case $id is $expect', (vector) => {
    const rawHeaders = ['Host', 'hooks.example.com', ...vector.headers.flat()]
    const found = findSecret(rawHeaders, vectorBody(vector.body), vector.secrets)
    expect(found >= 0 ? 'valid' : 'invalid').toBe(vector.expect)
  })
})

describe('readSignature', () => {
  it('takes nothing from a header sent twice, even where both agree', () => {
    const twice = ['X-Mailtrap-Signature', GOOD, 'x-mailtrap-signature', GOOD]
    expect(mailtrap.readSignature(twice)).toBeUndefined()
  })

  it.each(['', 'text', `${GOOD}0`])('refuses a good header beside the alias "%s"', (other) => {
    const headers = ['Mailtrap-Signature', GOOD, 'X-Mailtrap-Signature', other]
    expect(mailtrap.readSignature(headers)).toBeUndefined()
  })

  it('survives a list of odd length', () => {
    expect(mailtrap.readSignature(['Mailtrap-Signature'])).toBeUndefined()
    expect(mailtrap.readSignature(['Mailtrap-Signature', GOOD, 'Host'])).toBe(GOOD)
  })
})

describe('verify', () => {
  it('names the position of the secret that signed', () => {
    const body = vectorBody('sdk-delivery')
    const headers = ['Mailtrap-Signature', GOOD]
    expect(findSecret(headers, body, [SECRET])).toBe(0)
    expect(findSecret(headers, body, ['other', '', SECRET])).toBe(2)
    expect(findSecret(headers, body, ['other', SECRET, SECRET])).toBe(1)
  })

  it('reads any bytes, a view into a larger buffer too', () => {
    const body = vectorBody('sdk-delivery')
    const larger = new Uint8Array(body.length + 20).fill(7)
    larger.set(body, 10)
    const view = larger.subarray(10, 10 + body.length)
    expect(findSecret(['Mailtrap-Signature', GOOD], view, [SECRET])).toBe(0)
  })

  it('takes what sign made, and nothing after one bit changed', () => {
    const bodies = fc.uint8Array({ minLength: 1, maxLength: 300 })
    const secrets = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' })
    fc.assert(
      fc.property(bodies, secrets, fc.nat(), fc.nat(7), (body, secret, place, bit) => {
        const signed = mailtrap.sign(body, { secrets: [secret, 'old'], secretForm: 'raw' }, NOW)
        const headers = Object.entries(signed).flat()
        expect(findSecret(headers, body, ['new', secret])).toBe(1)

        const changed = Uint8Array.from(body)
        const index = place % body.length
        changed[index] = (changed[index] ?? 0) ^ (1 << bit)
        expect(findSecret(headers, changed, ['new', secret])).toBe(-1)
      }),
    )
  })

  it('takes no text that somebody makes up', () => {
    const source = sampleSource('mailtrap')
    const body = vectorBody('sdk-delivery')
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f]{64}$/))
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(text !== GOOD)
        expect(mailtrap.verify(body, text, source, NOW)).toBe(-1)
      }),
    )
  })
})

describe('sign', () => {
  it('makes the header of the known answer', () => {
    const signed = mailtrap.sign(vectorBody('sdk-delivery'), sampleSource('mailtrap'), NOW)
    expect(signed).toEqual({ 'mailtrap-signature': GOOD })
  })

  it.each([[[]], [['']]])('refuses without a secret: %j', (secrets) => {
    const source = sampleSource('mailtrap', { secrets })
    expect(() => mailtrap.sign(Buffer.from('{}'), source, NOW)).toThrow('no secret to sign with')
  })
})
