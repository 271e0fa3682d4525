import { findShape } from './find-shape.ts'
import type { Piece, PieceReader } from './read-piece.ts'
import { CLOSE_BRACE, skipElement } from './scan-bytes.ts'
import type { EventArray } from './scan-object.ts'
import { splitLines, trimPiece } from './split-lines.ts'

/**
 * The pieces of a body, in order and one at a time: the members of its array or arrays, its lines,
 * or the body as a whole. Brackets, commas and texts alone decide where a piece ends, so a broken
 * one never costs its neighbours.
 */
export function splitPieces(
  body: Uint8Array,
  contentType: string | undefined,
  reader: PieceReader,
): Iterable<Piece> {
  const shape = findShape(body, contentType, reader)
  switch (shape.kind) {
    case 'empty':
      return []
    case 'one':
      return [shape.piece]
    case 'lines':
      return splitLines(body, shape.start)
    case 'arrays':
      return splitArrays(body, shape.arrays)
  }
}

/**
 * The elements of arrays, and whatever stands there where nothing should: behind the array in its
 * member, or a brace that closes it. Between two commas that follow each other lies nothing, so
 * nothing is yielded for them.
 */
function* splitArrays(body: Uint8Array, arrays: readonly EventArray[]): Generator<Piece> {
  for (const { start, end, elements } of arrays) {
    let at = start + 1
    for (let n = 0; at < end; n++) {
      const element = elements[n] ?? skipElement(body, at, end)
      const piece = trimPiece(body, at, element.end, { depth: element.depth, isMember: true })
      if (piece) yield piece
      at = element.end + 1
      if (element.end < end && body[element.end] === CLOSE_BRACE) yield strayBrace(element.end)
    }
  }
}

function strayBrace(start: number): Piece {
  return { start, end: start + 1, depth: 0, form: 'json', failure: undefined, isMember: false }
}
