import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ANSWER_HEADERS } from './answer-headers.ts'
import { createAttemptLimit } from './attempt-limit.ts'
import { isFromThisMachine } from './loopback.ts'
import { createPasswordCheck } from './password-check.ts'
import { isSameOrigin } from './same-origin.ts'

type Guard = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | undefined

const READS: readonly string[] = ['GET', 'HEAD']
const JSON_TYPE = /^application\/json\s*(;|$)/i

/**
 * Runs before every route, and before the answer to an unknown address: hooks of the root, because
 * guards bound to paths have been walked around before.
 */
export function protectRoutes(
  app: FastifyInstance,
  options: { password: string | undefined; now: () => number },
): void {
  const { password, now } = options
  const admitCaller = password === undefined ? admitThisMachine : createPasswordGuard(password, now)

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(ANSWER_HEADERS)
    return admitCaller(request, reply) ?? admitWrite(request, reply)
  })
}

/** Without a password the caller must be on this machine and must have meant this machine. */
const admitThisMachine: Guard = (request, reply) => {
  if (isFromThisMachine(request.ip, request.headers)) return undefined
  return reply.code(403).send({
    error: 'forbidden',
    message:
      'Without ADMIN_PASSWORD only this machine is served, by the names localhost, 127.0.0.1 and ' +
      '[::1], and not through a proxy. Set ADMIN_PASSWORD to allow more.',
  })
}

function createPasswordGuard(password: string, now: () => number): Guard {
  const isRight = createPasswordCheck(password)
  const limit = createAttemptLimit(now)

  return (request, reply) => {
    const waitSeconds = limit.waitSeconds(request.ip)
    if (waitSeconds > 0) return refuseForNow(reply, waitSeconds)
    const given = request.headers.authorization
    if (given !== undefined && isRight(given)) return undefined
    // Browsers ask once without a password to learn that one is needed: no failure.
    if (given !== undefined) limit.countFailure(request.ip)
    return reply
      .code(401)
      .header('www-authenticate', 'Basic realm="mailtrap-receiver", charset="UTF-8"')
      .send({ error: 'unauthorized', message: 'Give the user admin and the password.' })
  }
}

function refuseForNow(reply: FastifyReply, waitSeconds: number): FastifyReply {
  return reply
    .code(429)
    .header('retry-after', waitSeconds)
    .send({
      error: 'too_many_attempts',
      message: `Too many wrong passwords came from this address. Wait ${waitSeconds} seconds.`,
    })
}

/** Browsers add the password by themselves, so a write must prove that no other site asked for it. */
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
  if (request.is404 || JSON_TYPE.test(request.headers['content-type'] ?? '')) return undefined
  return reply.code(415).send({
    error: 'unsupported_media_type',
    message: 'Send JSON, with the header content-type: application/json.',
  })
}
