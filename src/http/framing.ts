import type { IncomingMessage } from 'node:http'
import { findHeader } from '../providers/find-header.ts'

/**
 * What Node's parser lets pass although a proxy before us may read it in another way: chunks in
 * HTTP/1.0, versions that are none, no host or several, a target that is no path.
 */
export function isAmbiguous({ httpVersion, headers, rawHeaders, url }: IncomingMessage): boolean {
  if (!url?.startsWith('/')) return true
  // Of several, Node keeps the first.
  const hosts = findHeader(rawHeaders, 'host').length
  if (hosts > 1) return true
  if (httpVersion === '1.1') return hosts === 0
  return httpVersion !== '1.0' || headers['transfer-encoding'] !== undefined
}

/** Whether the client holds its body back until it is asked for it: RFC 9110, section 10.1.1. */
export function waitsToBeAsked({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === '1.1' && headers.expect?.toLowerCase() === '100-continue'
}
