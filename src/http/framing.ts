import type { IncomingMessage } from 'node:http'

/**
 * What Node's parser lets pass although a proxy before us may read it in another way: chunks in
 * HTTP/1.0, versions that are none, a missing host, a target that is no path.
 */
export function isAmbiguous({ httpVersion, headers, url }: IncomingMessage): boolean {
  if (!url?.startsWith('/')) return true
  if (httpVersion === '1.1') return headers.host === undefined
  return httpVersion !== '1.0' || headers['transfer-encoding'] !== undefined
}
