import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { matchBlocks } from '../address.ts'
import type { ConnectionRoom } from '../connection-room.ts'
import type { ProviderName, Source } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import type { BodyRoom } from './limits.ts'
import { Refusal } from './refuse.ts'

const FOREIGN_EVERY_MS = 1_000

interface HeaderChecks {
  readonly providers: Readonly<Record<ProviderName, Provider>>
  readonly bodyLimitBytes: number
  readonly bodyRoom: BodyRoom
  readonly connectionRoom: ConnectionRoom
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface Admission {
  readonly signature: string
  /** It will be refused for its address; only whether its signature is genuine is asked. */
  readonly isForeign: boolean
}

/**
 * Makes the check of a request's headers, the cheapest test first: what is refused here, by a
 * `Refusal` that is thrown, costs no body.
 */
export function createAdmit(
  checks: HeaderChecks,
): (request: FastifyRequest, source: Source) => Admission {
  const guardOf = createGuards()
  const mayLook = createSeldom(checks.now)
  return (request, source) => {
    const guard = guardOf(source)
    if (!guard.allowsAddress(request.ip)) return admitForeign(request, source)
    if (!guard.acceptsBasicAuth(request.headers.authorization)) throw new Refusal('basic_auth')
    if (!guard.acceptsToken(request.url)) throw new Refusal('token')
    return { signature: admitBody(request, source), isForeign: false }
  }

  function admitForeign(request: FastifyRequest, source: Source): Admission {
    try {
      if (mayLook()) return { signature: admitBody(request, source), isForeign: true }
    } catch {
      // Whatever else is wrong with it, it is refused for its address.
    }
    throw new Refusal('address')
  }

  function admitBody(request: FastifyRequest, source: Source): string {
    const signature = checks.providers[source.provider].readSignature(request.raw.rawHeaders)
    if (signature === undefined) throw new Refusal('signature_shape')
    const bytes = announcedBytes(request)
    if (bytes === 0) throw new Refusal('empty_body')
    if (bytes > checks.bodyLimitBytes) throw new Refusal('too_large')
    if (checks.connectionRoom.isFull() || !checks.bodyRoom.hasPlaceFor(bytes)) {
      throw new Refusal('overloaded')
    }
    return signature
  }
}

/** At most one in a second, so that strangers cannot have us read and hash all they send. */
function createSeldom(now: () => number): () => boolean {
  let lastAt = Number.NEGATIVE_INFINITY
  return () => {
    const at = now()
    if (Math.abs(at - lastAt) < FOREIGN_EVERY_MS) return false
    lastAt = at
    return true
  }
}

/** At least so many: a chunked body does not say, but has one byte or it is never authentic. */
function announcedBytes({ headers }: FastifyRequest): number {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : 1
}

/** What a source asks of a request before its body is read, besides the signature. */
interface SourceGuard {
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
type AddressCheck = (text: string | undefined) => boolean

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
function readToken(target: string): readonly string[] | undefined {
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
