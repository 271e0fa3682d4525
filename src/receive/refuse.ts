import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { cleanAddress } from '../address.ts'
import type { Source } from '../model.ts'
import type { Observer, RefusalReason } from '../observe/observer.ts'
import { findSource } from './framing.ts'
import type { HttpLimits } from './limits.ts'

interface Answer {
  readonly status: number
  readonly error: string
  readonly headers?: Readonly<Record<string, string>>
}

const MALFORMED: Answer = { status: 400, error: 'bad_request' }
const FORBIDDEN: Answer = { status: 403, error: 'forbidden' }
const UNAUTHORIZED: Answer = { status: 401, error: 'unauthorized' }
const UNAVAILABLE: Answer = { status: 503, error: 'unavailable', headers: { 'retry-after': '10' } }

/** All that a refused client is told: never which check failed, nor anything of ours. */
const ANSWERS: Readonly<Record<RefusalReason, Answer>> = {
  unknown_source: { status: 404, error: 'not_found' },
  wrong_method: { status: 405, error: 'method_not_allowed', headers: { allow: 'POST' } },
  address: FORBIDDEN,
  address_genuine: FORBIDDEN,
  basic_auth: UNAUTHORIZED,
  token: UNAUTHORIZED,
  signature_shape: UNAUTHORIZED,
  signature: UNAUTHORIZED,
  signature_time: UNAUTHORIZED,
  signature_milliseconds: UNAUTHORIZED,
  empty_body: UNAUTHORIZED,
  too_large: { status: 413, error: 'too_large' },
  too_slow: { status: 408, error: 'too_slow' },
  aborted: MALFORMED,
  malformed: MALFORMED,
  proxy_protocol: MALFORMED,
  not_tls: MALFORMED,
  overloaded: UNAVAILABLE,
  store: UNAVAILABLE,
  internal: UNAVAILABLE,
}

/** What the operator is told besides. */
type RefusalDetails = Pick<Parameters<Observer['requestRefused']>[0], 'detail' | 'aheadSeconds'>

/** Thrown wherever it turns out that a request is not answered 200. */
export class Refusal {
  readonly reason: RefusalReason
  readonly details: RefusalDetails

  constructor(reason: RefusalReason, details: RefusalDetails = {}) {
    this.reason = reason
    this.details = details
  }
}

/** Answers a request with anything but 200, and ends its connection. */
export type Refuse = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal) => void

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

  const refuse: Refuse = (request, reply, { reason, details }) => {
    reply.hijack()
    const { socket } = request.raw
    if (refused.has(socket)) return
    refused.add(socket)
    const { status, error, headers } = ANSWERS[reason]
    const source = findSource(request.url, sources())?.name
    observer.requestRefused({ source, reason, status, ...networkOf(request.ip), ...details })
    if (socket.destroyed) return
    const text = `{"error":"${error}"}`
    reply.raw.writeHead(status, { ...headers, ...closingHeaders(text) })
    reply.raw.write(text)
    afterDiscardingBody(request.raw, limits, () => reply.raw.end())
  }
  const refuseConnection: RefuseConnection = (socket, reason) => {
    // Where TLS has failed nobody can be answered, and is told of all the same.
    if (refused.has(socket) || (!socket.writable && reason !== 'not_tls')) {
      socket.destroy()
      return
    }
    refused.add(socket)
    const { status } = ANSWERS[reason]
    const network = networkOf(socket.remoteAddress)
    observer.requestRefused({ source: undefined, reason, status, ...network })
    socket.end(rawAnswer(ANSWERS[reason]), () => socket.destroy())
  }
  return { refuse, refuseConnection }
}

function networkOf(ip: string | undefined): { address?: string } {
  const address = cleanAddress(ip)
  return address === undefined ? {} : { address }
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

/** Why there is no route. The one of a source takes POST only. */
export function refuseUnrouted(
  request: FastifyRequest,
  sources: ReadonlyMap<string, Source>,
): Refusal {
  const isKnown = findSource(request.url, sources) !== undefined
  return new Refusal(isKnown ? 'wrong_method' : 'unknown_source')
}

/** What was thrown on the way to an answer, for the client. */
export function toRefusal(
  error: Refusal | { readonly message: string },
  request: FastifyRequest,
): Refusal {
  if (error instanceof Refusal) return error
  if (request.raw.destroyed && !request.raw.complete) return new Refusal('aborted')
  return new Refusal('internal', { detail: error.message })
}

/** How the PROXY protocol begins, in its first version and in its second. */
const PROXY_LINES = ['PROXY ', '\r\n\r\n\0\r\nQUIT\n']
/** What OpenSSL says of a first message that is not TLS. */
const NO_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_HTTP_REQUEST'])

/** Undefined when there is nobody to answer: the client has left, or TLS has failed. */
export function reasonOfClientError(error: {
  code?: string
  rawPacket?: unknown
}): RefusalReason | undefined {
  const { code = '', rawPacket } = error
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'too_slow'
  if (NO_TLS.has(code)) return 'not_tls'
  if (code === 'HPE_INVALID_EOF_STATE' || !code.startsWith('HPE_')) return undefined
  const start = Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1', 0, 16) : ''
  return PROXY_LINES.some((line) => start.startsWith(line)) ? 'proxy_protocol' : 'malformed'
}

/**
 * Closing a socket while bytes wait unread in it resets the connection, and the client would see
 * the reset in place of our answer. So a little of the body is still read, and thrown away.
 */
export function afterDiscardingBody(
  request: IncomingMessage,
  limits: HttpLimits,
  end: () => void,
): void {
  if (request.readableEnded || request.destroyed || !announcesBody(request)) {
    end()
    return
  }
  let leftBytes = limits.discardBytes
  const timer = setTimeout(finish, limits.discardTimeoutMs)
  function finish() {
    clearTimeout(timer)
    request.off('data', discard).off('end', finish).off('close', finish)
    end()
  }
  function discard(chunk: Buffer) {
    leftBytes -= chunk.length
    if (leftBytes < 0) finish()
  }
  // Whoever was gathering the body must not go on.
  request.removeAllListeners('data')
  request.on('data', discard).on('end', finish).on('close', finish).resume()
}

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
