import { createHash, timingSafeEqual } from 'node:crypto'
import { matchBlocks } from '../address.ts'
import type { Source } from '../model.ts'

/** What a source asks of a request before its body is read, besides the signature. */
export interface SourceGuard {
  readonly allowsAddress: AddressCheck
  /** Takes the `Authorization` header. */
  acceptsBasicAuth(header: string | undefined): boolean
  /** Takes the request's target, with its query. */
  acceptsToken(target: string): boolean
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
    acceptsToken: (target) =>
      token === undefined || (readToken(target) ?? []).map(token).includes(true),
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

/** Says whether a request may come from this address: what a socket or a trusted proxy says. */
export type AddressCheck = (text: string | undefined) => boolean

/**
 * Compiles a list of CIDR blocks and single addresses. An empty list lets everybody in; otherwise
 * what is no address stays out. Throws on an entry that is neither.
 */
export function compileAllowList(blocks: readonly string[]): AddressCheck {
  return blocks.length === 0 ? () => true : matchBlocks(blocks)
}

/**
 * The `token` in the query of a request's target, in each way to read it: as sent, percent-decoded,
 * and with a plus for a space as forms write it. A token with such characters is copied into a URL
 * as it is or escaped, and whatever lies on its way may escape it once more. Undefined unless there is
 * exactly one.
 */
export function readToken(target: string): readonly string[] | undefined {
  const [, query = ''] = splitAt(target.split('#', 1)[0] ?? '', '?')
  const tokens = query
    .split('&')
    .map((pair) => splitAt(pair, '='))
    .filter(([name]) => decode(name) === 'token')
  const [, sent] = tokens[0] ?? []
  if (sent === undefined || tokens.length > 1) return undefined
  return [sent, decode(sent), decode(sent.replaceAll('+', ' '))]
}

function splitAt(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
