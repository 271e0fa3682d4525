import type { Piece } from './read-piece.ts'
import { NEWLINE, skipElement, skipSpace, trimEnd } from './scan-bytes.ts'

/** One piece per line from `start` on; blank lines are none, and CRLF ends a line too. */
export function* splitLines(body: Uint8Array, start: number): Generator<Piece> {
  let at = skipSpace(body, start, body.length)
  while (at < body.length) {
    const newline = body.indexOf(NEWLINE, at)
    const lineEnd = newline === -1 ? body.length : newline
    const { depth } = skipElement(body, at, lineEnd)
    const line = trimPiece(body, at, lineEnd, { depth, isMember: false })
    if (line) yield line
    at = skipSpace(body, lineEnd, body.length)
  }
}

/** What lies between `from` and `to` without white space around it; undefined when that is nothing. */
export function trimPiece(
  body: Uint8Array,
  from: number,
  to: number,
  { depth, isMember }: Pick<Piece, 'depth' | 'isMember'>,
): Piece | undefined {
  const start = skipSpace(body, from, to)
  const end = trimEnd(body, start, to)
  return end > start ? { start, end, depth, form: 'json', failure: undefined, isMember } : undefined
}
