/*
 * Published is only the header's form, `X-MailingAPI-Signature: t=<unix seconds>,v1=<hex>`. What is
 * signed, the form of the key and the tolerance are INFERRED from services with the same header:
 * `v1` is taken as the HMAC-SHA256 of `<t>.<raw body>`. Confirm it with one real request before
 * relying on it.
 */
import type { SecretForm, Source } from '../../model.ts'
import type { SignatureFault } from '../provider.ts'
import { findHeader, findSigner, isDigest, type SigningKey, signParts } from '../signing.ts'

const HEADER = 'x-mailingapi-signature'
/** Room for a dozen digests; without a bound, each one more costs a comparison per secret. */
const MAX_HEADER_CHARACTERS = 1_024
/** The year 5138 in seconds, 1973 in milliseconds. */
const FIRST_MILLISECONDS = 1e11
const SECRET_PREFIX = 'whsec_'
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/

/** The header's text if it was sent once and can be a signature; otherwise undefined. */
export function readMailingApiSignature(rawHeaders: readonly string[]): string | undefined {
  const [signature, ...others] = findHeader(rawHeaders, HEADER)
  if (signature === undefined || others.length > 0) return undefined
  return parseSignature(signature) === undefined ? undefined : signature
}

/**
 * Position of the secret that signed these bytes at a time near `now` (milliseconds since 1970),
 * -1 when none did. An empty body never counts.
 */
export function verifyMailingApiSignature(
  body: Uint8Array,
  signature: string,
  source: Source,
  now: number,
): number {
  const claim = parseSignature(signature)
  if (claim === undefined || body.byteLength === 0) return -1
  return isTimely(claim, source, now) ? findPosition(body, claim, source) : -1
}

/** Of a time that is not near `now`, whether the rest would have been right. */
export function findMailingApiFault(
  body: Uint8Array,
  signature: string,
  source: Source,
  now: number,
): SignatureFault {
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

/** The header of a request with this body, signed at `now`, milliseconds since 1970. */
export function signMailingApiBody(
  body: Uint8Array,
  secret: string,
  form: SecretForm,
  now: number,
): Record<string, string> {
  const signedAt = Math.floor(now / 1_000)
  const digest = signParts(toKey(secret, form), [`${signedAt}.`, body]).toString('hex')
  return { [HEADER]: `t=${signedAt},v1=${digest}` }
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
