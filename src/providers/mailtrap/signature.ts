import { findHeader, findSigner, isDigest, signParts } from '../signing.ts'

const HEADER = 'mailtrap-signature'
/** An older name of the header, still in circulation. */
const ALIAS = 'x-mailtrap-signature'

/**
 * The one signature among the raw headers: 64 hex digits. Both names may be there if they agree,
 * letter case aside; undefined when it is missing, sent twice, contradictory or misshapen.
 */
export function readMailtrapSignature(rawHeaders: readonly string[]): string | undefined {
  const named = findHeader(rawHeaders, HEADER)
  const aliased = findHeader(rawHeaders, ALIAS)
  if (named.length > 1 || aliased.length > 1) return undefined
  const [signature, ...others] = [...named, ...aliased]
  if (signature === undefined || !isDigest(signature)) return undefined
  const isAgreed = others.every((other) => other.toLowerCase() === signature.toLowerCase())
  return isAgreed ? signature : undefined
}

/** Position of the secret that signed these bytes, -1 when none did. An empty body never counts. */
export function verifyMailtrapSignature(
  body: Uint8Array,
  signature: string,
  secrets: readonly string[],
): number {
  if (body.byteLength === 0 || !isDigest(signature)) return -1
  return findSigner(secrets, [body], [signature])
}

/** The header of a request with this body. The secret's text is the key; it is not decoded. */
export function signMailtrapBody(body: Uint8Array, secret: string): Record<string, string> {
  return { [HEADER]: signParts(secret, [body]).toString('hex') }
}
