import * as z from 'zod'
import { Refusal } from '../answer-errors.ts'
import type { AdminContext } from '../context.ts'
import type { AdminApp } from '../openapi.ts'
import { MAX_TEXT_LENGTH } from '../parameters.ts'
import { OPEN_ROUTE } from '../protect/protect-routes.ts'
import { readSessionCookies, writeSessionCookie } from '../protect/sign-in.ts'

const session = z.enum(['none', 'basic', 'cookie'])

const SESSION_JSON = z.object({ session, version: z.string() })
export type SessionJson = z.output<typeof SESSION_JSON>

const LOG_IN = {
  summary: 'Begins a session of the dashboard: answers with a cookie',
  body: z
    .object({
      password: z.string({ error: 'must be a text' }).max(MAX_TEXT_LENGTH, 'is too long'),
    })
    .meta({ example: { password: 'correct horse' } }),
  response: { 200: z.object({ session }) },
}

const LOG_OUT = {
  summary: 'Ends the session of the cookie',
  response: { 200: z.object({ session }) },
}

const GET_SESSION = {
  summary: 'How the caller is signed in; none where no password is set',
  response: { 200: SESSION_JSON },
}

/** The page's login. Without a password there is nothing to sign in to, and everybody here is in. */
export function addSessionRoutes(app: AdminApp, { signIn, observer, version }: AdminContext): void {
  const logIn = { config: OPEN_ROUTE, schema: LOG_IN }
  app.post('/api/login', logIn, async (request, reply) => {
    if (!signIn) return { session: 'none' as const }
    const refused = signIn.admitAttempt(request, reply)
    if (refused) return refused
    const begun = signIn.begin(request.body.password, request.ip)
    observer.signedIn({ address: request.ip, isRight: begun !== undefined })
    if (begun === undefined) throw new Refusal(401, 'unauthorized', 'This is not the password.')
    reply.header('set-cookie', writeSessionCookie(request.headers, begun))
    return { session: 'cookie' as const }
  })

  const logOut = { config: OPEN_ROUTE, schema: LOG_OUT }
  app.post('/api/logout', logOut, async (request, reply) => {
    for (const ended of readSessionCookies(request.headers)) signIn?.end(ended)
    reply.header('set-cookie', writeSessionCookie(request.headers))
    return { session: 'none' as const }
  })

  app.get('/api/session', { schema: GET_SESSION }, async (request) => {
    return { session: signIn?.kindOf(request) ?? ('none' as const), version }
  })
}
