import type { IncomingHttpHeaders } from 'node:http'

const ALLOWED_SITES: readonly string[] = ['same-origin', 'none']

/**
 * True unless a browser says that another site asked. Pages cannot forge these two headers, and API
 * clients send neither. Host has no scheme, and TLS may end before us, so it is read with that of the
 * origin: a proxy may name the port that the browser leaves out.
 */
export function isSameOrigin({ origin, host, ...headers }: IncomingHttpHeaders): boolean {
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
