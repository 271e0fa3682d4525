// @ts-check
/** Addresses within the page: `#/events/12?raw=1`. */

/** @param {string} hash */
export function readRoute(hash) {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2)
  const segments = path.split('/').filter(Boolean).map(decode)
  const [view = 'overview', ...rest] = segments
  return { view, rest, query: new URLSearchParams(query) }
}

/**
 * Texts of strangers may be part of it. Empty values are left out.
 * @param {readonly string[]} segments
 * @param {Record<string, string | null | undefined>} [query]
 */
export function writeRoute(segments, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value)
  const text = new URLSearchParams(/** @type {[string, string][]} */ (given)).toString()
  return `#/${segments.map(encodeURIComponent).join('/')}${text ? `?${text}` : ''}`
}

/** @param {string} segment */
function decode(segment) {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
