import type { FastifyReply, FastifyRequest } from 'fastify'
import { createAttemptLimit } from './attempt-limit.ts'
import { createPasswordCheck } from './password-check.ts'
import { readSessionCookie } from './session-cookie.ts'
import { createSessions } from './sessions.ts'

/** Answers the refusal that was sent; undefined lets the request pass. */
export type Guard = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | undefined

export interface SignIn {
  /** By the session of the page, or by basic auth. */
  readonly admit: Guard
  /** What let the request in. */
  kindOf(request: FastifyRequest): 'basic' | 'cookie'
  /** The new session's id; undefined when the password is wrong. */
  begin(password: string, address: string): string | undefined
  /** Refuses an address with too many wrong passwords. */
  readonly admitAttempt: Guard
  end(session: string): void
}

/** Every request of the page carries it. Other sites cannot send it without being asked about it. */
const PAGE_HEADER = 'x-dashboard'

/** Who may come in, when a password is set. */
export function createSignIn(password: string, now: () => number): SignIn {
  const check = createPasswordCheck(password)
  const limit = createAttemptLimit(now)
  const sessions = createSessions(now)
  const ofSessions = new WeakSet<FastifyRequest>()

  const admitAttempt: Guard = (request, reply) => {
    const waitSeconds = limit.waitSeconds(request.ip)
    return waitSeconds > 0 ? refuseForNow(reply, waitSeconds) : undefined
  }

  const admit: Guard = (request, reply) => {
    const session = readSessionCookie(request.headers)
    const isByHand = request.headers[PAGE_HEADER] !== 'refresh'
    if (session !== undefined && sessions.has(session, isByHand)) {
      ofSessions.add(request)
      return undefined
    }
    const refused = admitAttempt(request, reply)
    if (refused) return refused
    const given = request.headers.authorization
    if (given !== undefined && check.isHeaderRight(given)) return undefined
    // Browsers ask once without a password to learn that one is needed: no failure.
    if (given !== undefined) limit.countFailure(request.ip)
    return refuseStranger(request, reply)
  }

  return {
    admit,
    kindOf: (request) => (ofSessions.has(request) ? 'cookie' : 'basic'),
    admitAttempt,
    begin(given, address) {
      if (check.isPasswordRight(given)) return sessions.begin()
      limit.countFailure(address)
      return undefined
    },
    end: sessions.end,
  }
}

function refuseStranger(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // The page has a form of its own; `Basic` would make the browser open its window over it.
  const isPage = request.headers[PAGE_HEADER] !== undefined
  const challenge = isPage
    ? 'Session realm="mailtrap-receiver"'
    : 'Basic realm="mailtrap-receiver", charset="UTF-8"'
  return reply
    .code(401)
    .header('www-authenticate', challenge)
    .send({ error: 'unauthorized', message: 'Give the user admin and the password.' })
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
