import { createHmac, timingSafeEqual } from 'node:crypto'
import { ReceiverError } from '../errors.ts'

/** 32 bytes in hex, in either letter case, and nothing else. */
const DIGEST_SHAPE = /^[0-9a-fA-F]{64}$/

export type SigningKey = string | Uint8Array

export function isDigest(text: string): boolean {
  return DIGEST_SHAPE.test(text)
}

/** HMAC-SHA256 over the parts, one after another. A key given as text is used as its UTF-8 bytes. */
export function signParts(key: SigningKey, parts: readonly (string | Uint8Array)[]): Buffer {
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}

/**
 * Position of the first key that made one of `digests` (each 64 hex digits) over `parts`; -1 when
 * none did. Every key meets every digest in constant time, whatever matched before. An empty key
 * never matches, because everybody has it.
 */
export function findSigner(
  keys: readonly SigningKey[],
  parts: readonly (string | Uint8Array)[],
  digests: readonly string[],
): number {
  const claims = digests.map((digest) => Buffer.from(digest, 'hex'))
  let signer = -1
  for (const [index, key] of keys.entries()) {
    if (key.length === 0) continue
    const expected = signParts(key, parts)
    for (const claim of claims) {
      if (timingSafeEqual(expected, claim) && signer === -1) signer = index
    }
  }
  return signer
}

/** The secret to sign with. Throws ReceiverError `invalid_settings` when there is none. */
export function newestSecret(secrets: readonly string[]): string {
  const [newest] = secrets
  if (!newest) {
    throw new ReceiverError('invalid_settings', {
      detail: 'there is no secret to sign with; give the source one',
    })
  }
  return newest
}

/**
 * Values of a header among raw headers (name, value, name, value, …). Raw, because a parsed list of
 * headers joins those that were sent twice. `name` is in lower case.
 */
export function findHeader(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let index = 1; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index - 1]?.toLowerCase() === name) values.push(rawHeaders[index] as string)
  }
  return values
}
