import type { IncomingHttpHeaders } from 'node:http'

/** An answer that says no, in the words of whoever is stood in for. Thrown by routes. */
export class Refusal extends Error {
  readonly status: number
  readonly body: object

  constructor(status: number, body: object) {
    super(`Refused with ${status}.`)
    this.status = status
    this.body = body
  }
}

/** The token of a request: `Authorization: Bearer …`, or `Api-Token: …` where that is usual. */
export function readToken(headers: IncomingHttpHeaders): string | undefined {
  const given = headers['api-token']
  const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
  return bearer ?? (typeof given === 'string' ? given : undefined)
}

/** Any token will do where none is set: nobody has an account here. */
export function isTokenRight(given: string | undefined, expected: string | undefined): boolean {
  return given !== undefined && given !== '' && (expected === undefined || given === expected)
}

export type Fields = Readonly<Record<string, unknown>>
