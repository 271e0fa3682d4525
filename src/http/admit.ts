import type { FastifyRequest } from 'fastify'
import type { ProviderName, Source } from '../model.ts'
import type { RefusalReason } from '../observe/observer.ts'
import type { Provider } from '../providers/provider.ts'
import { createGuards } from './authenticate.ts'
import type { BodyRoom } from './body-room.ts'
import type { ConnectionRoom } from './connection-room.ts'

export interface HeaderChecks {
  readonly providers: Readonly<Record<ProviderName, Provider>>
  readonly bodyLimitBytes: number
  readonly bodyRoom: BodyRoom
  readonly connectionRoom: ConnectionRoom
}

export type Admission =
  | { readonly isAdmitted: true; readonly signature: string }
  | { readonly isAdmitted: false; readonly reason: RefusalReason }

/**
 * Makes the check of a request's headers, the cheapest test first: what is refused here costs no
 * body.
 */
export function createAdmit(
  checks: HeaderChecks,
): (request: FastifyRequest, source: Source) => Admission {
  const guardOf = createGuards()
  return (request, source) => {
    const guard = guardOf(source)
    if (!guard.allowsAddress(request.ip)) return refused('address')
    if (!guard.acceptsBasicAuth(request.headers.authorization)) return refused('basic_auth')
    if (!guard.acceptsToken(tokenOf(request))) return refused('token')
    const signature = checks.providers[source.provider].readSignature(request.raw.rawHeaders)
    if (signature === undefined) return refused('signature_shape')
    const bytes = announcedBytes(request)
    if (bytes === 0) return refused('empty_body')
    if (bytes > checks.bodyLimitBytes) return refused('too_large')
    if (checks.connectionRoom.isFull() || !checks.bodyRoom.hasPlaceFor(bytes)) {
      return refused('overloaded')
    }
    return { isAdmitted: true, signature }
  }
}

function refused(reason: RefusalReason): Admission {
  return { isAdmitted: false, reason }
}

function tokenOf(request: FastifyRequest): unknown {
  return (request.query as Readonly<Record<string, unknown>>).token
}

/** At least so many: a chunked body does not say, but has one byte or it is never authentic. */
function announcedBytes({ headers }: FastifyRequest): number {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : 1
}
