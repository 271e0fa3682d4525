import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Observer } from '../../observe/observer.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { LOGIN_PARAMETERS, NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { OPEN_ROUTE } from '../protect/protect-routes.ts'
import { readSessionCookie, writeSessionCookie } from '../protect/session-cookie.ts'
import type { SignIn } from '../protect/sign-in.ts'

const WRONG = { error: 'unauthorized', message: 'This is not the password.' }

const SESSION = z.enum(['none', 'basic', 'cookie'])

const LOG_IN = {
  summary: 'Begins a session of the dashboard: answers with a cookie',
  query: NO_PARAMETERS,
  body: LOGIN_PARAMETERS,
  answer: { json: z.object({ session: SESSION }) },
} satisfies RouteDescription

const LOG_OUT = {
  summary: 'Ends the session of the cookie',
  query: NO_PARAMETERS,
  answer: { json: z.object({ session: SESSION }) },
} satisfies RouteDescription

const GET_SESSION = {
  summary: 'How the caller is signed in; none where no password is set',
  query: NO_PARAMETERS,
  answer: { json: z.object({ session: SESSION, version: z.string() }) },
} satisfies RouteDescription

/** The page's login. Without a password there is nothing to sign in to, and everybody here is in. */
export function addSessionRoutes(
  app: FastifyInstance,
  options: {
    readonly signIn: SignIn | undefined
    readonly observer: Pick<Observer, 'signedIn'>
    readonly version: string
  },
): void {
  const { signIn, observer, version } = options

  const logIn = { config: { ...OPEN_ROUTE, description: LOG_IN } }
  app.post('/api/login', logIn, async (request, reply) => {
    readParameters(LOG_IN.query, request.query)
    const refused = signIn?.admitAttempt(request, reply)
    if (refused) return refused
    const { password } = readParameters(LOG_IN.body, request.body)
    if (!signIn) return { session: 'none' }
    const session = signIn.begin(password, request.ip)
    observer.signedIn({ address: request.ip, isRight: session !== undefined })
    if (session === undefined) return reply.code(401).send(WRONG)
    reply.header('set-cookie', writeSessionCookie(request.headers, session))
    return { session: 'cookie' }
  })

  const logOut = { config: { ...OPEN_ROUTE, description: LOG_OUT } }
  app.post('/api/logout', logOut, async (request, reply) => {
    readParameters(LOG_OUT.query, request.query)
    readParameters(NO_PARAMETERS, request.body ?? {})
    const session = readSessionCookie(request.headers)
    if (session !== undefined) signIn?.end(session)
    reply.header('set-cookie', writeSessionCookie(request.headers))
    return { session: 'none' }
  })

  app.get('/api/session', { config: { description: GET_SESSION } }, async (request) => {
    readParameters(NO_PARAMETERS, request.query)
    return { session: signIn?.kindOf(request) ?? 'none', version }
  })
}
