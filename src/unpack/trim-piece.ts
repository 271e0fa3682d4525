import type { Piece } from './read-piece.ts'
import { skipSpace, trimEnd } from './scan-bytes.ts'

/** What lies between `from` and `to` without white space around it; undefined when that is nothing. */
export function trimPiece(
  body: Uint8Array,
  from: number,
  to: number,
  depth: number,
): Piece | undefined {
  const start = skipSpace(body, from, to)
  const end = trimEnd(body, start, to)
  return end > start ? { start, end, depth, form: 'json', failure: undefined } : undefined
}
