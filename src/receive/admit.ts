import type { FastifyRequest } from 'fastify'
import type { ProviderName, Source } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import { createGuards } from './authenticate.ts'
import { Refusal } from './refuse.ts'
import type { BodyRoom, ConnectionRoom } from './rooms.ts'

const FOREIGN_EVERY_MS = 1_000

export interface HeaderChecks {
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
