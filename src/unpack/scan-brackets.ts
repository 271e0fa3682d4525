import type { PieceReader } from './read-piece.ts'
import {
  BACKSLASH,
  COLON,
  COMMA,
  type Extent,
  OPEN_BRACKET,
  QUOTE,
  scanArray,
  skipElement,
  skipSpace,
  skipText,
} from './scan-bytes.ts'

/** What an array or an object shows from outside. */
export interface BracketScan {
  /** Index of the bracket that closes it; the body's length when there is none. */
  readonly close: number
  readonly depth: number
  /** It itself, or the values of all members called `events` that begin like arrays. */
  readonly arrays: readonly EventArray[]
  /** Whether a text member makes the object itself an event. */
  readonly isNamed: boolean
}

export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** From its bracket to the end of its member, behind which something else may stand. */
export interface EventArray extends ByteRange {
  /** The first of its elements, as far as they are known. */
  readonly elements: readonly Extent[]
}

/** A key, its quotes included, and where its value begins. */
interface Member {
  readonly key: ByteRange
  readonly value: number
}

/** Under these the providers name their events. */
const NAME_KEYS = ['event', 'type']
const MAX_NAME_BYTES = 1024
/** `events` with every character escaped, and its quotes. */
const MAX_KEY_BYTES = 38

/** Looks at the elements or members of the array or object whose bracket is at `open`. */
export function scanBrackets(body: Uint8Array, open: number, reader: PieceReader): BracketScan {
  if (body[open] !== OPEN_BRACKET) return scanObject(body, open, reader)
  const { close, depth, elements } = scanArray(body, open)
  const array = { start: open, end: close + 1, elements }
  return { close, depth, arrays: [array], isNamed: false }
}

function scanObject(body: Uint8Array, open: number, reader: PieceReader): BracketScan {
  const arrays: EventArray[] = []
  let isNamed = false
  let depth = 0
  let at = open + 1
  for (;;) {
    const member = findMember(body, at)
    const array =
      member && isArrayOfEvents(body, member) ? scanArray(body, member.value) : undefined
    const rest = skipElement(body, array ? Math.min(array.close + 1, body.length) : at, body.length)
    const { end } = rest
    depth = Math.max(depth, rest.depth, array?.depth ?? 0)
    if (array && member) {
      // Of one: a body of many small arrays must not have all of its elements kept.
      const elements = arrays.length === 0 ? array.elements : []
      arrays.push({ start: member.value, end, elements })
    } else if (member && isName(body, member, { end, reader })) {
      isNamed = true
    }
    if (body[end] !== COMMA) return { close: end, depth: depth + 1, arrays, isNamed }
    at = end + 1
  }
}

/** Undefined, unless the member that begins at `at` has a key. */
function findMember(body: Uint8Array, at: number): Member | undefined {
  const start = skipSpace(body, at, body.length)
  if (body[start] !== QUOTE) return undefined
  const key = { start, end: skipText(body, start, body.length) }
  const colon = skipSpace(body, key.end, body.length)
  if (body[colon] !== COLON) return undefined
  return { key, value: skipSpace(body, colon + 1, body.length) }
}

function isArrayOfEvents(body: Uint8Array, { key, value }: Member): boolean {
  return body[value] === OPEN_BRACKET && isKey(body, key, 'events')
}

/** `end`: of the member. */
function isName(
  body: Uint8Array,
  member: Member,
  { end, reader }: { end: number; reader: PieceReader },
): boolean {
  if (body[member.value] !== QUOTE || end - member.value > MAX_NAME_BYTES) return false
  const key = NAME_KEYS.find((name) => isKey(body, member.key, name))
  if (key === undefined) return false
  const value = parseText(body, member.value, end)
  return value !== undefined && reader.isEventName(key, value)
}

/** Compares a key without decoding it, unless its length tells that it has escapes. */
function isKey(body: Uint8Array, { start, end }: ByteRange, name: string): boolean {
  const length = end - start - 2
  if (length < name.length || end - start > MAX_KEY_BYTES) return false
  if (length > name.length) {
    return body.subarray(start, end).includes(BACKSLASH) && parseText(body, start, end) === name
  }
  for (let index = 0; index < length; index++) {
    if (body[start + 1 + index] !== name.charCodeAt(index)) return false
  }
  return true
}

function parseText(body: Uint8Array, start: number, end: number): string | undefined {
  try {
    const text: unknown = JSON.parse(Buffer.from(body.subarray(start, end)).toString())
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined
  }
}
