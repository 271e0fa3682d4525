import type { IncomingMessage } from 'node:http'
import type { Source } from '../model.ts'
import { findHeader } from '../providers/signing.ts'

const ABSOLUTE_FORM = /^https?:\/\/(?:\[[0-9a-f:.]+\]|[^\s/?#@:[\]\\]+)(?::\d*)?((?:[/?][^#]*)?)$/i

/**
 * The path of a target that is a whole URL, as some proxies send it; any other target as it is. RFC
 * 9112, section 3.2.2, has every server accept that form, and its host stand for the `Host` header. We
 * serve all hosts alike, so that neither of them decides anything.
 */
export function toOriginForm(target: string): string {
  const path = ABSOLUTE_FORM.exec(target)?.[1]
  if (path === undefined) return target
  return path.startsWith('/') ? path : `/${path}`
}

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

const PREFIX = '/webhooks/'

/**
 * The source that a request target names. Compared as sent, without decoding: a name has one
 * spelling, for us and for whatever stands before us.
 */
export function findSource(
  target: string,
  sources: ReadonlyMap<string, Source>,
): Source | undefined {
  if (!target.startsWith(PREFIX)) return undefined
  const query = target.indexOf('?')
  return sources.get(target.slice(PREFIX.length, query === -1 ? undefined : query))
}
