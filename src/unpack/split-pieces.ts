import type { QuarantineReason } from '../model.ts'
import type { Piece, PieceReader } from './read-piece.ts'
import { type EventArray, scanBrackets } from './scan-brackets.ts'
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  NEWLINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  skipElement,
  skipSpace,
  trimEnd,
} from './scan-bytes.ts'

const MAX_FORM_BYTES = 1024 * 1024
/** More than a broken body has. Looking at 2.5 million lines took 20 s, in which nobody was answered. */
const MAX_LINES_LOOKED_AT = 10_000
const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/**
 * The pieces of a body, in order and one at a time: the members of its array or arrays, its lines,
 * or the body as a whole. Brackets, commas and texts alone decide where a piece ends, so a broken
 * one never costs its neighbours. `contentType` only helps to tell form data from broken JSON.
 */
export function splitPieces(
  body: Uint8Array,
  contentType: string | undefined,
  reader: PieceReader,
): Iterable<Piece> {
  const hasMark = BYTE_ORDER_MARK.every((byte, at) => body[at] === byte)
  const start = skipSpace(body, hasMark ? BYTE_ORDER_MARK.length : 0, body.length)
  if (start === body.length) return []
  const isBracketed = body[start] === OPEN_BRACE || body[start] === OPEN_BRACKET
  return isBracketed
    ? splitBracketed(body, start, reader)
    : splitOther(body, start, contentType, reader)
}

function splitBracketed(body: Uint8Array, open: number, reader: PieceReader): Iterable<Piece> {
  const { close, depth, arrays, isNamed } = scanBrackets(body, open, reader)
  const next = skipSpace(body, close + 1, body.length)
  if (next < body.length && isOneLine(body, open, close, next)) return splitLines(body, open)
  const isClosed = body[close] === (body[open] === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET)
  if (next < body.length || !isClosed) return splitBroken(body, open, reader, 'invalid_json')
  if (arrays.length > 0 && !isNamed) return splitArrays(body, arrays)
  // One object, or lines whose broken ends happen to look like one.
  const piece = { ...WHOLE_PIECE, start: open, end: close + 1, depth }
  const reading = reader.read(piece)
  if (reading.isEvent) return [piece]
  return reading.reason === 'invalid_json'
    ? splitBroken(body, open, reader, reading.reason)
    : refuseWhole(body, reading.reason)
}

/** Whether the value from `open` to `close` fills a line, and more follows on later lines. */
function isOneLine(body: Uint8Array, open: number, close: number, next: number): boolean {
  const newline = body.indexOf(NEWLINE, open)
  return newline > close && newline < next
}

function splitOther(
  body: Uint8Array,
  start: number,
  contentType: string | undefined,
  reader: PieceReader,
): Iterable<Piece> {
  const end = trimEnd(body, start, body.length)
  const isLabelled = /^\s*application\/x-www-form-urlencoded\b/i.test(contentType ?? '')
  const form = isLabelled || looksLikeForm(body, start, end) ? 'urlencoded' : 'json'
  const piece: Piece = { ...WHOLE_PIECE, start, end, form }
  const reading = reader.read(piece)
  return reading.isEvent ? [piece] : splitBroken(body, start, reader, reading.reason)
}

function looksLikeForm(body: Uint8Array, start: number, end: number): boolean {
  if (end - start > MAX_FORM_BYTES) return false
  const text = Buffer.from(body.subarray(start, end)).toString('latin1')
  return /(?:^|&)event=/.test(text) && !/\s/.test(text)
}

/**
 * Lines if at least one of them is an event; else one unreadable body. Of more lines than are looked at
 * at once, each is a piece: they are read page by page, and requests come first between two pages.
 */
function splitBroken(
  body: Uint8Array,
  start: number,
  reader: PieceReader,
  reason: QuarantineReason,
): Iterable<Piece> {
  let lines = 0
  for (const line of splitLines(body, start)) {
    if (reader.read(line).isEvent || ++lines > MAX_LINES_LOOKED_AT) return splitLines(body, start)
  }
  return refuseWhole(body, reason)
}

function refuseWhole(body: Uint8Array, reason: QuarantineReason): Piece[] {
  const isReadable = reason === 'no_event_name' || reason === 'not_an_object'
  const failure = isReadable ? 'no_events' : reason
  return [{ ...WHOLE_PIECE, start: 0, end: body.length, failure }]
}

/** One piece per line from `start` on; blank lines are none, and CRLF ends a line too. */
function* splitLines(body: Uint8Array, start: number): Generator<Piece> {
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
      const isStrayBrace = element.end < end && body[element.end] === CLOSE_BRACE
      if (isStrayBrace) yield { ...WHOLE_PIECE, start: element.end, end: at }
    }
  }
}

/** What lies between `from` and `to` without white space around it; undefined when that is nothing. */
function trimPiece(
  body: Uint8Array,
  from: number,
  to: number,
  { depth, isMember }: Pick<Piece, 'depth' | 'isMember'>,
): Piece | undefined {
  const start = skipSpace(body, from, to)
  const end = trimEnd(body, start, to)
  return end > start ? { start, end, depth, form: 'json', failure: undefined, isMember } : undefined
}

/** What a piece is that is neither a line nor an element. */
const WHOLE_PIECE = { depth: 0, form: 'json', failure: undefined, isMember: false } as const
