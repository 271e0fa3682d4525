import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** The token of a request: `Authorization: Bearer …`, or `Api-Token: …` where that is usual. */
export function readToken(headers: IncomingHttpHeaders): string | undefined {
  const given = headers['api-token']
  const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
  return bearer ?? (typeof given === 'string' ? given : undefined)
}

/** Any token will do where none is set: nobody has an account here. */
export function isTokenRight(given: string | undefined, expected: string | undefined): boolean {
  if (given === undefined || given === '') return false
  return expected === undefined || timingSafeEqual(digest(given), digest(expected))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
