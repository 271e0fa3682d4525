import type { IncomingHttpHeaders } from 'node:http'

const ALLOWED_SITES: readonly string[] = ['same-origin', 'none']

/**
 * True unless a browser says that another site asked. Pages cannot forge these two headers, and API
 * clients send neither. The scheme is not compared: TLS may end before us.
 */
export function isSameOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && !ALLOWED_SITES.includes(String(site))) return false
  if (headers.origin === undefined) return true
  const own = hostOf(`http://${headers.host ?? ''}`)
  return own !== undefined && hostOf(headers.origin) === own
}

function hostOf(origin: string): string | undefined {
  if (!/^https?:\/\//i.test(origin) || !URL.canParse(origin)) return undefined
  return new URL(origin).host
}
