import type { Signatures } from '../provider.ts'
import { findHeader, findSigner, isDigest, newestSecret, signParts } from '../signing.ts'

const HEADER = 'mailtrap-signature'
/** An older name of the header, still in circulation. */
const ALIAS = 'x-mailtrap-signature'

export const mailtrapSignatures: Signatures = {
  /** Both names may be there if they agree, letter case aside. */
  readSignature(rawHeaders) {
    const named = findHeader(rawHeaders, HEADER)
    const aliased = findHeader(rawHeaders, ALIAS)
    if (named.length > 1 || aliased.length > 1) return undefined
    const [signature, ...others] = [...named, ...aliased]
    if (signature === undefined || !isDigest(signature)) return undefined
    const isAgreed = others.every((other) => other.toLowerCase() === signature.toLowerCase())
    return isAgreed ? signature : undefined
  },
  /** An empty body never counts. */
  verify(body, signature, { secrets }) {
    if (body.byteLength === 0 || !isDigest(signature)) return -1
    return findSigner(secrets, [body], [signature])
  },
  findFault: () => ({ reason: 'signature' }),
  sign: (body, { secrets }) => signMailtrapBody(body, newestSecret(secrets)),
}

/** The header of a request with this body. The secret's text is the key; it is not decoded. */
export function signMailtrapBody(body: Uint8Array, secret: string): Record<string, string> {
  return { [HEADER]: signParts(secret, [body]).toString('hex') }
}
