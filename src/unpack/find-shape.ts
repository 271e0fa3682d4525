import type { QuarantineReason } from '../model.ts'
import type { Piece, PieceReader } from './read-piece.ts'
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  NEWLINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  scanArray,
  skipSpace,
  trimEnd,
} from './scan-bytes.ts'
import { type EventArray, scanObject } from './scan-object.ts'
import { splitLines } from './split-lines.ts'

/** What a body looks like from outside. */
export type Shape =
  | { readonly kind: 'empty' }
  | { readonly kind: 'one'; readonly piece: Piece }
  /** Members of arrays; of several when the key `events` is repeated. */
  | { readonly kind: 'arrays'; readonly arrays: readonly EventArray[] }
  /** Lines, from `start` on. */
  | { readonly kind: 'lines'; readonly start: number }

const MAX_FORM_BYTES = 1024 * 1024
const JSON_PIECE = { form: 'json', failure: undefined, isMember: false } as const

/** The content decides; `contentType` only helps to tell form data from broken JSON. */
export function findShape(
  body: Uint8Array,
  contentType: string | undefined,
  reader: PieceReader,
): Shape {
  const start = skipSpace(body, skipByteOrderMark(body), body.length)
  if (start === body.length) return { kind: 'empty' }
  const isBracketed = body[start] === OPEN_BRACE || body[start] === OPEN_BRACKET
  return isBracketed
    ? findBracketedShape(body, start, reader)
    : findOtherShape(body, start, contentType, reader)
}

function findBracketedShape(body: Uint8Array, open: number, reader: PieceReader): Shape {
  const isObject = body[open] === OPEN_BRACE
  const scan = isObject ? scanObject(body, open, reader) : scanArray(body, open)
  const { close } = scan
  const next = skipSpace(body, close + 1, body.length)
  if (next < body.length && isOneLine(body, open, close, next))
    return { kind: 'lines', start: open }
  if (next < body.length || body[close] !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
    return findBrokenShape(body, open, reader, 'invalid_json')
  }
  if ('elements' in scan) {
    return { kind: 'arrays', arrays: [{ start: open, end: close + 1, elements: scan.elements }] }
  }
  const { depth, arrays, isNamed } = scan
  if (arrays.length > 0 && !isNamed) return { kind: 'arrays', arrays }
  return findObjectShape(body, { start: open, end: close + 1, depth, ...JSON_PIECE }, reader)
}

/** Whether the value from `open` to `close` fills a line, and more follows on later lines. */
function isOneLine(body: Uint8Array, open: number, close: number, next: number): boolean {
  const newline = body.indexOf(NEWLINE, open)
  return newline > close && newline < next
}

/** One object, or lines whose broken ends happen to look like one. */
function findObjectShape(body: Uint8Array, piece: Piece, reader: PieceReader): Shape {
  const reading = reader.read(piece)
  if (reading.isEvent) return { kind: 'one', piece }
  if (reading.reason === 'invalid_json') {
    return findBrokenShape(body, piece.start, reader, 'invalid_json')
  }
  return wholeBody(body, reading.reason)
}

function findOtherShape(
  body: Uint8Array,
  start: number,
  contentType: string | undefined,
  reader: PieceReader,
): Shape {
  const end = trimEnd(body, start, body.length)
  const isLabelled = /^\s*application\/x-www-form-urlencoded\b/i.test(contentType ?? '')
  const form = isLabelled || looksLikeForm(body, start, end) ? 'urlencoded' : 'json'
  const piece: Piece = { start, end, depth: 0, form, failure: undefined, isMember: false }
  const reading = reader.read(piece)
  if (reading.isEvent) return { kind: 'one', piece }
  return findBrokenShape(body, start, reader, reading.reason)
}

function looksLikeForm(body: Uint8Array, start: number, end: number): boolean {
  if (end - start > MAX_FORM_BYTES) return false
  const text = Buffer.from(body.subarray(start, end)).toString('latin1')
  return /(?:^|&)event=/.test(text) && !/\s/.test(text)
}

/** Lines if at least one of them is an event; else one unreadable body. */
function findBrokenShape(
  body: Uint8Array,
  start: number,
  reader: PieceReader,
  reason: QuarantineReason,
): Shape {
  for (const line of splitLines(body, start)) {
    if (reader.read(line).isEvent) return { kind: 'lines', start }
  }
  return wholeBody(body, reason)
}

function wholeBody(body: Uint8Array, reason: QuarantineReason): Shape {
  const isReadable = reason === 'no_event_name' || reason === 'not_an_object'
  const failure = isReadable ? 'no_events' : reason
  return {
    kind: 'one',
    piece: { start: 0, end: body.length, depth: 0, form: 'json', failure, isMember: false },
  }
}

function skipByteOrderMark(body: Uint8Array): number {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0
}
