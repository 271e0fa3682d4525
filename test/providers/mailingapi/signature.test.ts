import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SECRET_FORMS, type Source } from '../../../src/model.ts'
import { mailingapi } from '../../../src/providers/mailingapi/mailingapi.ts'
import { sampleSource, VECTORS, vectorBody } from '../samples.ts'

const SIGNED_AT_MS = 1_768_651_205_000
const SECRET = 'whsec_ZXhhbXBsZS1zaWduaW5nLXNlY3JldC0wMQ=='
const DIGEST = '79baf274fcf2015c30c440f74d69bc2e5461324ff3bd4b0137dbe31c9acd87f9'
const GOOD = `t=1768651205,v1=${DIGEST}`
const BODY = vectorBody('mapi-delivered')

function findSecret(header: string, settings: Partial<Source> = {}, now = SIGNED_AT_MS): number {
  const signature = mailingapi.readSignature(['X-MailingAPI-Signature', header])
  if (signature === undefined) return -1
  const source = sampleSource('mailingapi', { secrets: [SECRET], ...settings })
  return mailingapi.verify(BODY, signature, source, now)
}

describe('MailingAPI signature vectors', () => {
  it('are all here', () => {
    expect(VECTORS.mailingapi.vectors).toHaveLength(34)
  })

  it.each(VECTORS.mailingapi.vectors)('$id is $expect', (vector) => {
    const source = sampleSource('mailingapi', {
      secrets: vector.secrets,
      secretForm: vector.key_mode,
      toleranceSeconds: vector.tolerance_seconds,
    })
    const now = vector.now * 1_000
    const body = vectorBody(vector.body)
    const signature = mailingapi.readSignature(['X-MailingAPI-Signature', vector.header])
    const found = signature === undefined ? -1 : mailingapi.verify(body, signature, source, now)
    expect(found >= 0 ? 'valid' : 'invalid').toBe(vector.expect)

    const foundDirectly = mailingapi.verify(body, vector.header, source, now)
    expect(foundDirectly).toBe(found)
  })
})

describe('readSignature', () => {
  it('gives the text as it was sent, whatever the letter case of the name', () => {
    expect(mailingapi.readSignature(['x-mailingapi-signature', GOOD])).toBe(GOOD)
    expect(mailingapi.readSignature(['X-MAILINGAPI-SIGNATURE', GOOD])).toBe(GOOD)
  })

  it('finds nothing where the header is missing or sent twice', () => {
    const other = ['Mailtrap-Signature', DIGEST]
    const twice = ['X-MailingAPI-Signature', GOOD, 'x-mailingapi-signature', GOOD]
    expect(mailingapi.readSignature(other)).toBeUndefined()
    expect(mailingapi.readSignature(twice)).toBeUndefined()
  })

  it('refuses a header that is too long to be one', () => {
    const padded = `${GOOD}${`,v1=${DIGEST}`.repeat(15)}`
    expect(padded.length).toBeGreaterThan(1_024)
    expect(mailingapi.readSignature(['X-MailingAPI-Signature', padded])).toBeUndefined()
  })
})

describe('verify', () => {
  it('names the position of the secret that signed', () => {
    expect(findSecret(GOOD, { secrets: ['whsec_b3RoZXI=', '', SECRET] })).toBe(2)
  })

  it('takes upper-case hex and ignores a digest of another shape beside a good one', () => {
    expect(findSecret(`t=1768651205,v1=${DIGEST.toUpperCase()}`)).toBe(0)
    expect(findSecret(`t=1768651205,v1=short,v1=${DIGEST}`)).toBe(0)
  })

  it('counts the tolerance in whole seconds, both ways, as the source says', () => {
    expect(findSecret(GOOD, { toleranceSeconds: 10 }, SIGNED_AT_MS + 10_999)).toBe(0)
    expect(findSecret(GOOD, { toleranceSeconds: 10 }, SIGNED_AT_MS + 11_000)).toBe(-1)
    expect(findSecret(GOOD, { toleranceSeconds: 10 }, SIGNED_AT_MS - 10_000)).toBe(0)
    expect(findSecret(GOOD, { toleranceSeconds: 10 }, SIGNED_AT_MS - 10_001)).toBe(-1)
    expect(findSecret(GOOD, { toleranceSeconds: Number.NaN })).toBe(-1)
  })

  it('never takes an empty body', () => {
    const empty = Buffer.alloc(0)
    const source = sampleSource('mailingapi', { secrets: [SECRET] })
    const signed = mailingapi.sign(empty, source, SIGNED_AT_MS)
    const signature = mailingapi.readSignature(Object.entries(signed).flat()) ?? ''
    expect(mailingapi.verify(empty, signature, source, SIGNED_AT_MS)).toBe(-1)
  })

  it.each([
    ['strip-prefix', 'whsec_'],
    ['base64', 'whsec_'],
    ['base64', 'whsec_!!!!'],
    ['base64', '===='],
  ] as const)('takes nothing by the %s form of the secret "%s"', (secretForm, secret) => {
    const source = sampleSource('mailingapi', { secrets: [secret], secretForm })
    const signed = mailingapi.sign(BODY, source, SIGNED_AT_MS)
    const signature = mailingapi.readSignature(Object.entries(signed).flat()) ?? ''
    expect(signature).not.toBe('')
    expect(mailingapi.verify(BODY, signature, source, SIGNED_AT_MS)).toBe(-1)
  })

  it('uses a secret without the prefix as it is', () => {
    const secrets = ['my-own-secret-value']
    const [stripped, raw] = (['strip-prefix', 'raw'] as const).map((secretForm) =>
      mailingapi.sign(BODY, { secrets, secretForm }, SIGNED_AT_MS),
    )
    expect(stripped).toEqual(raw)
  })

  it('takes what sign made, and nothing after one bit changed', () => {
    const bodies = fc.uint8Array({ minLength: 1, maxLength: 300 })
    const forms = fc.constantFrom(...SECRET_FORMS)
    fc.assert(
      fc.property(bodies, forms, fc.nat(), fc.nat(7), (body, secretForm, place, bit) => {
        const source = sampleSource('mailingapi', { secrets: [SECRET], secretForm })
        const signed = mailingapi.sign(body, source, SIGNED_AT_MS)
        const signature = mailingapi.readSignature(Object.entries(signed).flat()) ?? ''
        expect(mailingapi.verify(body, signature, source, SIGNED_AT_MS + 999)).toBe(0)

        const changed = Uint8Array.from(body)
        const index = place % body.length
        changed[index] = (changed[index] ?? 0) ^ (1 << bit)
        expect(mailingapi.verify(changed, signature, source, SIGNED_AT_MS)).toBe(-1)
      }),
    )
  })
})

describe('sign', () => {
  it('makes the header of the known answer', () => {
    const source = sampleSource('mailingapi', { secrets: [SECRET] })
    expect(mailingapi.sign(BODY, source, SIGNED_AT_MS + 999)).toEqual({
      'x-mailingapi-signature': GOOD,
    })
  })

  it('refuses without a secret', () => {
    const source = sampleSource('mailingapi', { secrets: [] })
    expect(() => mailingapi.sign(BODY, source, SIGNED_AT_MS)).toThrow('no secret to sign with')
  })
})
