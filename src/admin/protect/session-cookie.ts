import type { IncomingHttpHeaders } from 'node:http'
import { SESSION_SECONDS } from './sessions.ts'

const NAME = 'mailtrap_receiver_session'

/** The session's id; undefined when the request brings none. */
export function readSessionCookie({ cookie = '' }: IncomingHttpHeaders): string | undefined {
  const pairs = cookie.split(';').map((pair) => pair.trim().split('='))
  return pairs.find(([name]) => name === NAME)?.[1] || undefined
}

/** Without an id, the cookie is taken away. */
export function writeSessionCookie(headers: IncomingHttpHeaders, id?: string): string {
  const age = id === undefined ? 0 : SESSION_SECONDS
  const secure = isOverTls(headers) ? '; Secure' : ''
  return `${NAME}=${id ?? ''}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`
}

/** TLS ends before us: what the browser or the proxy says of it only ever adds protection. */
function isOverTls(headers: IncomingHttpHeaders): boolean {
  const isByProxy = /^https\b/i.test(String(headers['x-forwarded-proto'] ?? ''))
  return isByProxy || /^https:/i.test(headers.origin ?? '')
}
