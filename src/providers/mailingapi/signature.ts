/*
 * Published is only the header's form, `X-MailingAPI-Signature: t=<unix seconds>,v1=<hex>`. What is
 * signed, the form of the key and the tolerance are INFERRED from services with the same header:
 * `v1` is taken as the HMAC-SHA256 of `<t>.<raw body>`. Confirm it with one real request before
 * relying on it.
 */
import type { SecretForm, Source } from '../../model.ts'
import type { Signatures } from '../provider.ts'
import {
  findHeader,
  findSigner,
  isDigest,
  newestSecret,
  type SigningKey,
  signParts,
} from '../signing.ts'

const HEADER = 'x-mailingapi-signature'
/** Room for a dozen digests; without a bound, each one more costs a comparison per secret. */
const MAX_HEADER_CHARACTERS = 1_024
/** The year 5138 in seconds, 1973 in milliseconds. */
const FIRST_MILLISECONDS = 1e11
const SECRET_PREFIX = 'whsec_'
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/

export const mailingapiSignatures: Signatures = {
  readSignature(rawHeaders) {
    const [signature, ...others] = findHeader(rawHeaders, HEADER)
    if (signature === undefined || others.length > 0) return undefined
    return parseSignature(signature) === undefined ? undefined : signature
  },
  /** An empty body never counts, nor does a time that is not near `now`. */
  verify(body, signature, source, now) {
    const claim = parseSignature(signature)
    if (claim === undefined || body.byteLength === 0) return -1
    return isTimely(claim, source, now) ? findPosition(body, claim, source) : -1
  },
  /** Of a time that is not near `now`, whether the rest would have been right. */
  findFault(body, signature, source, now) {
    const claim = parseSignature(signature)
    const isOfTime =
      claim !== undefined &&
      body.byteLength > 0 &&
      !isTimely(claim, source, now) &&
      findPosition(body, claim, source) >= 0
    if (!isOfTime) return { reason: 'signature' }
    const signedAt = Number(claim.signedAt)
    const isInMilliseconds = signedAt >= FIRST_MILLISECONDS
    return {
      reason: isInMilliseconds ? 'signature_milliseconds' : 'signature_time',
      aheadSeconds: Math.floor(isInMilliseconds ? signedAt / 1_000 : signedAt) - secondsOf(now),
    }
  },
  sign(body, { secrets, secretForm }, now) {
    const signedAt = secondsOf(now)
    const key = toKey(newestSecret(secrets), secretForm)
    const digest = signParts(key, [`${signedAt}.`, body]).toString('hex')
    return { [HEADER]: `t=${signedAt},v1=${digest}` }
  },
}

function isTimely({ signedAt }: SignatureClaim, { toleranceSeconds }: Source, now: number) {
  return Math.abs(secondsOf(now) - Number(signedAt)) <= toleranceSeconds
}

function secondsOf(now: number): number {
  return Math.floor(now / 1_000)
}

function findPosition(body: Uint8Array, { signedAt, digests }: SignatureClaim, source: Source) {
  const keys = source.secrets.map((secret) => toKey(secret, source.secretForm))
  return findSigner(keys, [`${signedAt}.`, body], digests)
}

interface SignatureClaim {
  /** Unix seconds as they were written, because so they were signed. */
  readonly signedAt: string
  readonly digests: readonly string[]
}

/**
 * Exactly one whole `t` and at least one `v1` of 64 hex digits, in any order. Several `v1` may come
 * while a secret is exchanged; schemes other than these two are ignored.
 */
function parseSignature(header: string): SignatureClaim | undefined {
  if (header.length > MAX_HEADER_CHARACTERS) return undefined
  const items = header.split(',').map((item) => item.replace(/^ +/, ''))
  const [signedAt, ...otherTimes] = valuesOf('t=', items)
  if (signedAt === undefined || otherTimes.length > 0 || !/^\d{1,15}$/.test(signedAt)) {
    return undefined
  }
  const digests = valuesOf('v1=', items).filter(isDigest)
  return digests.length === 0 ? undefined : { signedAt, digests }
}

function valuesOf(prefix: string, items: readonly string[]): string[] {
  return items.filter((item) => item.startsWith(prefix)).map((item) => item.slice(prefix.length))
}

/** Empty, and so never matching, when the secret does not have the form. */
function toKey(secret: string, form: SecretForm): SigningKey {
  if (form === 'raw') return secret
  const text = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret
  if (form === 'strip-prefix') return text
  return BASE64.test(text) ? Buffer.from(text, 'base64') : ''
}
