import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ANSWER_HEADERS } from './answer-headers.ts'
import { isFromThisMachine } from './loopback.ts'
import { isSameOrigin } from './same-origin.ts'
import type { Guard, SignIn } from './sign-in.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly isOpen?: boolean
  }
}

/** Configuration of the routes that show nothing of what is kept here: the page's own files. */
export const OPEN_ROUTE = { isOpen: true } as const

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
  if (isFromThisMachine(request.socket.remoteAddress ?? '', request.headers)) return undefined
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
