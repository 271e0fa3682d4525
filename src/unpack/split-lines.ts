import type { Piece } from './read-piece.ts'
import { NEWLINE, skipElement, skipSpace } from './scan-bytes.ts'
import { trimPiece } from './trim-piece.ts'

/** One piece per line from `start` on; blank lines are none, and CRLF ends a line too. */
export function* splitLines(body: Uint8Array, start: number): Generator<Piece> {
  let at = skipSpace(body, start, body.length)
  while (at < body.length) {
    const newline = body.indexOf(NEWLINE, at)
    const lineEnd = newline === -1 ? body.length : newline
    const { depth } = skipElement(body, at, lineEnd)
    const line = trimPiece(body, at, lineEnd, depth)
    if (line) yield line
    at = skipSpace(body, lineEnd, body.length)
  }
}
