import { isIP } from 'node:net'

/**
 * The bare IP address in what a socket or a trusted proxy says: without brackets, port, zone and
 * the `::ffff:` of an IPv4 address. Undefined when it is no address.
 */
export function cleanAddress(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const bare = withoutPort(text.trim())
    .replace(/%.*$/, '')
    .replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(bare) === 0 ? undefined : bare
}

function withoutPort(text: string): string {
  if (text.startsWith('[')) return /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text
  return /^[\d.]+:\d{1,5}$/.test(text) ? text.slice(0, text.indexOf(':')) : text
}
