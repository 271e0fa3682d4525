import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createAttemptLimit } from './attempt-limit.ts'

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
export function createSignIn(password: string, elapsedMs: () => number): SignIn {
  const check = createPasswordCheck(password)
  const limit = createAttemptLimit(elapsedMs)
  const sessions = createSessions(elapsedMs)
  const ofSessions = new WeakSet<FastifyRequest>()

  const admitAttempt: Guard = (request, reply) => {
    const waitSeconds = limit.waitSeconds(request.ip)
    return waitSeconds > 0 ? refuseForNow(reply, waitSeconds) : undefined
  }

  const admit: Guard = (request, reply) => {
    const isByHand = request.headers[PAGE_HEADER] !== 'refresh'
    if (readSessionCookies(request.headers).some((session) => sessions.has(session, isByHand))) {
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

const SCHEME = /^basic +/i

/**
 * Checks what a stranger gives for the user `admin`, in constant time. The user's name holds no
 * colon, so one comparison of `user:password` is the same as one of each.
 */
function createPasswordCheck(password: string) {
  const wanted = digest(Buffer.from(`admin:${password}`))
  const isRight = (credentials: Buffer) => timingSafeEqual(digest(credentials), wanted)

  return {
    /** An `Authorization` header. */
    isHeaderRight(authorization: string): boolean {
      const credentials = Buffer.from(authorization.replace(SCHEME, ''), 'base64')
      return isRight(credentials) && SCHEME.test(authorization)
    },
    /** The password alone. */
    isPasswordRight: (given: string): boolean => isRight(Buffer.from(`admin:${given}`)),
  }
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** Without a person who does something: the page's own refreshing does not count. */
const IDLE_MS = 2 * 3_600_000
const ABSOLUTE_MS = 12 * 3_600_000
/** Who knows the password could else fill the memory with sessions. */
const MOST_SESSIONS = 1_000

interface Session {
  readonly beganMs: number
  usedMs: number
}

/** Sessions of the page, in memory: a restart ends them. Ids are kept as hashes only. */
function createSessions(elapsedMs: () => number) {
  const sessions = new Map<string, Session>()

  function find(id: string): Session | undefined {
    const session = sessions.get(idOf(id))
    if (!session) return undefined
    const atMs = elapsedMs()
    const isOver = atMs >= session.beganMs + ABSOLUTE_MS || atMs >= session.usedMs + IDLE_MS
    if (isOver) sessions.delete(idOf(id))
    return isOver ? undefined : session
  }

  return {
    /** Answers the id of a new session. */
    begin(): string {
      const id = randomBytes(32).toString('base64url')
      const [oldest] = sessions.keys()
      if (sessions.size >= MOST_SESSIONS && oldest !== undefined) sessions.delete(oldest)
      sessions.set(idOf(id), { beganMs: elapsedMs(), usedMs: elapsedMs() })
      return id
    },
    /** Whether the session goes on; `isByHand` puts off its end. */
    has(id: string, isByHand: boolean): boolean {
      const session = find(id)
      if (session && isByHand) session.usedMs = elapsedMs()
      return session !== undefined
    },
    end: (id: string): void => void sessions.delete(idOf(id)),
  }
}

/** A look-up by hash tells nothing of the ids by how long it takes. */
function idOf(session: string): string {
  return digest(Buffer.from(session)).toString('base64url')
}

const COOKIE = 'mailtrap_receiver_session'

/** Ids of sessions: another receiver below the same host may have left one beside ours, and in front of it. */
export function readSessionCookies({ cookie = '' }: IncomingHttpHeaders): string[] {
  const pairs = cookie.split(';').map((pair) => pair.trim().split('='))
  return pairs.flatMap(([name, id]) => (name === COOKIE && id ? [id] : []))
}

/** Without an id, the cookie is taken away. */
export function writeSessionCookie(headers: IncomingHttpHeaders, id?: string): string {
  const age = id === undefined ? 0 : ABSOLUTE_MS / 1_000
  const secure = isOverTls(headers) ? '; Secure' : ''
  return `${COOKIE}=${id ?? ''}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`
}

/** TLS ends before us: what the browser or the proxy says of it only ever adds protection. */
function isOverTls(headers: IncomingHttpHeaders): boolean {
  const isByProxy = /^https\b/i.test(String(headers['x-forwarded-proto'] ?? ''))
  return isByProxy || /^https:/i.test(headers.origin ?? '')
}
