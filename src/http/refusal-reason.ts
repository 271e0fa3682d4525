import type { FastifyRequest } from 'fastify'
import type { Source } from '../model.ts'
import type { RefusalReason } from '../observe/observer.ts'
import { findSource } from './find-source.ts'

/** Why there is no route. The one of a source takes POST only. */
export function reasonOfUnrouted(
  request: FastifyRequest,
  sources: ReadonlyMap<string, Source>,
): RefusalReason {
  return findSource(request.url, sources) === undefined ? 'unknown_source' : 'wrong_method'
}

/** What an error on the way to an answer means for the client. */
export function reasonOfError(error: { code: string }, request: FastifyRequest): RefusalReason {
  if (request.raw.destroyed && !request.raw.complete) return 'aborted'
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return 'too_large'
    // Its clock stops with the last byte of the body; the journal has its own.
    case 'FST_ERR_HANDLER_TIMEOUT':
      return 'too_slow'
    default:
      return 'internal'
  }
}

/** Undefined when there is nobody to answer: the client has left, or speaks no TLS. */
export function reasonOfClientError(error: { code?: string }): RefusalReason | undefined {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'too_slow'
  if (error.code === 'HPE_INVALID_EOF_STATE') return undefined
  return error.code?.startsWith('HPE_') ? 'malformed' : undefined
}
