import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { cleanAddress } from '../clean-address.ts'
import type { Source } from '../model.ts'
import type { Observer, RefusalReason } from '../observe/observer.ts'
import { afterDiscardingBody } from './discard-body.ts'
import { findSource } from './find-source.ts'
import type { HttpLimits } from './limits.ts'

interface Answer {
  readonly status: number
  readonly error: string
  readonly headers?: Readonly<Record<string, string>>
}

const UNAUTHORIZED: Answer = { status: 401, error: 'unauthorized' }
const UNAVAILABLE: Answer = { status: 503, error: 'unavailable', headers: { 'retry-after': '10' } }

/** All that a refused client is told: never which check failed, nor anything of ours. */
const ANSWERS: Readonly<Record<RefusalReason, Answer>> = {
  unknown_source: { status: 404, error: 'not_found' },
  wrong_method: { status: 405, error: 'method_not_allowed', headers: { allow: 'POST' } },
  address: { status: 403, error: 'forbidden' },
  basic_auth: UNAUTHORIZED,
  token: UNAUTHORIZED,
  signature_shape: UNAUTHORIZED,
  signature: UNAUTHORIZED,
  empty_body: UNAUTHORIZED,
  too_large: { status: 413, error: 'too_large' },
  too_slow: { status: 408, error: 'too_slow' },
  aborted: { status: 400, error: 'bad_request' },
  malformed: { status: 400, error: 'bad_request' },
  overloaded: UNAVAILABLE,
  store: UNAVAILABLE,
  internal: UNAVAILABLE,
}

/** Answers a request with anything but 200, and ends its connection. */
export type Refuse = (
  request: FastifyRequest,
  reply: FastifyReply,
  reason: RefusalReason,
  detail?: string,
) => void

/** Ends a connection on which no request came that could be answered otherwise. */
export type RefuseConnection = (
  socket: Duplex & { remoteAddress?: string | undefined },
  reason: RefusalReason,
) => void

export interface Refusals {
  readonly sources: () => ReadonlyMap<string, Source>
  readonly observer: Observer
  readonly limits: HttpLimits
}

export function createRefusals({ sources, observer, limits }: Refusals): {
  refuse: Refuse
  refuseConnection: RefuseConnection
} {
  // A connection can fail in several ways at once; it is answered and counted once.
  const refused = new WeakSet<Duplex>()

  const refuse: Refuse = (request, reply, reason, detail) => {
    reply.hijack()
    const { socket } = request.raw
    if (refused.has(socket)) return
    refused.add(socket)
    const { status, error, headers } = ANSWERS[reason]
    const source = findSource(request.url, sources())?.name
    observer.requestRefused({ source, reason, status, ...optional(request.ip, detail) })
    if (socket.destroyed) return
    const text = `{"error":"${error}"}`
    reply.raw.writeHead(status, { ...headers, ...closingHeaders(text) })
    reply.raw.write(text)
    afterDiscardingBody(request.raw, limits, () => reply.raw.end())
  }
  const refuseConnection: RefuseConnection = (socket, reason) => {
    if (refused.has(socket) || !socket.writable) {
      socket.destroy()
      return
    }
    refused.add(socket)
    const { status } = ANSWERS[reason]
    observer.requestRefused({
      source: undefined,
      reason,
      status,
      ...optional(socket.remoteAddress),
    })
    socket.end(rawAnswer(ANSWERS[reason]), () => socket.destroy())
  }
  return { refuse, refuseConnection }
}

function optional(ip: string | undefined, detail?: string): { address?: string; detail?: string } {
  const address = cleanAddress(ip)
  return { ...(address !== undefined && { address }), ...(detail !== undefined && { detail }) }
}

function closingHeaders(text: string): Record<string, string> {
  return {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(text.length),
    connection: 'close',
  }
}

function rawAnswer({ status, error }: Answer): string {
  const text = `{"error":"${error}"}`
  const lines = Object.entries(closingHeaders(text)).map(([name, value]) => `${name}: ${value}`)
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', text].join('\r\n')
}
