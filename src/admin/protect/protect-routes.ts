import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isLoopback } from '../../address.ts'
import type { Guard, SignIn } from './sign-in.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly isOpen?: boolean
  }
}

/** Configuration of the routes that show nothing of what is kept here: the page's own files. */
export const OPEN_ROUTE = { isOpen: true } as const

/** On every answer of the admin listener, errors included. */
export const ANSWER_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  // A page of another origin must not be able to load our answers as its script or image.
  'cross-origin-resource-policy': 'same-origin',
} as const

const STATUS_LINES: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

/** Answers what is no HTTP at all; there is no request then, only a socket. */
export function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy(error)
    return
  }
  const status = STATUS_LINES[error.code ?? ''] ?? '400 Bad Request'
  const headers = Object.entries(ANSWER_HEADERS).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    `HTTP/1.1 ${status}\r\n${headers.join('')}connection: close\r\ncontent-length: 0\r\n\r\n`,
  )
}

const READS: readonly string[] = ['GET', 'HEAD']
const JSON_TYPE = /^application\/json\s*(;|$)/i

/**
 * Runs before every route, and before the answer to an unknown address: hooks of the root, because
 * guards bound to paths have been walked around before.
 */
export function protectRoutes(app: FastifyInstance, signIn: SignIn | undefined): void {
  const admitCaller = signIn ? admitToOpenRoutes(signIn.admit) : admitThisMachine

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(ANSWER_HEADERS)
    return admitCaller(request, reply) ?? admitWrite(request, reply)
  })
}

/** Without a password the caller must be on this machine and must have meant this machine. */
const admitThisMachine: Guard = (request, reply) => {
  // The socket's own: what a proxy says of an address must not make a caller local.
  if (isFromThisMachine(request.raw)) return undefined
  return reply.code(403).send({
    error: 'forbidden',
    message:
      'Without ADMIN_PASSWORD only this machine is served, by the names localhost, 127.0.0.1 and ' +
      '[::1], and not through a proxy. Set ADMIN_PASSWORD to allow more.',
  })
}

function admitToOpenRoutes(admit: Guard): Guard {
  return (request, reply) => (isOpen(request) ? undefined : admit(request, reply))
}

/** By the route that will answer, never by the address: several addresses may lead to one route. */
function isOpen(request: FastifyRequest): boolean {
  return !request.is404 && request.routeOptions.config.isOpen === true
}

/** Browsers add the session or the password by themselves, so a write must prove that no other site asked for it. */
const admitWrite: Guard = (request, reply) => {
  if (READS.includes(request.method)) return undefined
  if (!isSameOrigin(request.headers)) {
    return reply.code(403).send({
      error: 'cross_origin',
      message:
        'Another site asked for this change, or a proxy changed the Host header. Changes are ' +
        'taken from this page or from API clients only.',
    })
  }
  if (request.is404 || isJson(request.headers)) return undefined
  return reply.code(415).send({
    error: 'unsupported_media_type',
    message: 'Send JSON, with the header content-type: application/json.',
  })
}

/** Or nothing at all, which no form of another site sends: a form always has a content type. */
function isJson(headers: IncomingHttpHeaders): boolean {
  const type = headers['content-type']
  if (type !== undefined) return JSON_TYPE.test(type)
  const length = headers['content-length'] ?? '0'
  return headers['transfer-encoding'] === undefined && length === '0'
}

const HOST = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[a-z0-9.-]+))(?::\d{1,5})?$/i
const FORWARDING_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
] as const

/**
 * True when the peer is this machine and the Host header names this machine. The second part stops
 * DNS rebinding: a stranger's page whose own name suddenly points at 127.0.0.1. A proxy on this
 * machine would make the whole world look local, so what it forwards is not local. One that is told no more than
 * our address, as nginx, adds no header and puts that address into Host, but asks in HTTP/1.0 as nobody else does.
 */
function isFromThisMachine({ socket, headers, httpVersion }: IncomingMessage): boolean {
  const isForwarded = FORWARDING_HEADERS.some((name) => headers[name] !== undefined)
  if (isForwarded || httpVersion === '1.0') return false
  return isLoopback(socket.remoteAddress ?? '') && isLoopbackHost(headers.host)
}

function isLoopbackHost(host: string | undefined): boolean {
  const { v6, name } = HOST.exec(host ?? '')?.groups ?? {}
  return isLoopback(v6 ?? name ?? '')
}

const ALLOWED_SITES: readonly string[] = ['same-origin', 'none']

/**
 * True unless a browser says that another site asked. Pages cannot forge these two headers, and API
 * clients send neither. Host has no scheme, and TLS may end before us, so it is read with that of the
 * origin: a proxy may name the port that the browser leaves out.
 */
function isSameOrigin({ origin, host, ...headers }: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && !ALLOWED_SITES.includes(String(site))) return false
  if (origin === undefined) return true
  const scheme = /^https?:\/\//i.exec(origin)?.[0]
  if (scheme === undefined) return false
  const own = hostOf(`${scheme}${host ?? ''}`)
  return own !== undefined && hostOf(origin) === own
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
