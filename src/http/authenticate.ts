import { createHash, timingSafeEqual } from 'node:crypto'
import type { Source } from '../model.ts'
import { type AddressCheck, compileAllowList } from './client-address.ts'

/** What a source asks of a request before its body is read, besides the signature. */
export interface SourceGuard {
  readonly allowsAddress: AddressCheck
  /** Takes the `Authorization` header. */
  acceptsBasicAuth(header: string | undefined): boolean
  /** Takes the value of `?token=`, which is an array when the key is repeated. */
  acceptsToken(token: unknown): boolean
}

/** Answers the guard of a source, made at its first request; a reloaded source is a new one. */
export function createGuards(): (source: Source) => SourceGuard {
  const guards = new WeakMap<Source, SourceGuard>()
  return (source) => {
    const known = guards.get(source)
    if (known !== undefined) return known
    const guard = guardSource(source)
    guards.set(source, guard)
    return guard
  }
}

function guardSource(source: Source): SourceGuard {
  const credentials = compileSecret(source.basicAuth)
  const token = compileSecret(source.urlToken)
  return {
    allowsAddress: compileAllowList(source.allowIps),
    acceptsBasicAuth: (header) => credentials === undefined || credentials(readBasicAuth(header)),
    acceptsToken: (value) => token === undefined || (typeof value === 'string' && token(value)),
  }
}

/** Digests have one length, so that comparing them tells nothing of the secret's. */
function compileSecret(secret: string | undefined) {
  if (secret === undefined) return undefined
  const expected = digestOf(secret)
  return (given: string | Buffer | undefined): boolean =>
    given !== undefined && timingSafeEqual(digestOf(given), expected)
}

function digestOf(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest()
}

/**
 * The bytes `user:password`. Only the first colon parts the two, and a user name holds none, so
 * that comparing them joined is comparing both.
 */
function readBasicAuth(header: string | undefined): Buffer | undefined {
  const encoded = /^basic +([a-z0-9+/_-]+=*) *$/i.exec(header ?? '')?.[1]
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64')
}
