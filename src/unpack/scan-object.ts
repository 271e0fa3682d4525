import type { PieceReader } from './read-piece.ts'
import {
  BACKSLASH,
  COLON,
  COMMA,
  OPEN_BRACKET,
  QUOTE,
  skipElement,
  skipSpace,
  skipText,
} from './scan-bytes.ts'

/** What an object shows from outside. */
export interface ObjectScan {
  /** Index of the bracket that closes it; the body's length when there is none. */
  readonly close: number
  readonly depth: number
  /** The values of all members called `events` that begin like arrays. */
  readonly arrays: readonly ByteRange[]
  /** Whether a text member makes the object itself an event. */
  readonly isNamed: boolean
}

export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A key, its quotes included, and where its value begins; the member ends before `end`. */
interface Member {
  readonly key: ByteRange
  readonly value: number
  readonly end: number
}

/** Under these the providers name their events. */
const NAME_KEYS = ['event', 'type']
const MAX_NAME_BYTES = 1024
/** `events` with every character escaped, and its quotes. */
const MAX_KEY_BYTES = 38

/** Looks at the members of the object whose brace is at `open`. */
export function scanObject(body: Uint8Array, open: number, reader: PieceReader): ObjectScan {
  const arrays: ByteRange[] = []
  let isNamed = false
  let depth = 0
  let at = open + 1
  for (;;) {
    const element = skipElement(body, at, body.length)
    if (element.depth > depth) depth = element.depth
    const member = findMember(body, at, element.end)
    if (member && isArrayOfEvents(body, member)) {
      arrays.push({ start: member.value, end: member.end })
    } else if (member && isName(body, member, reader)) {
      isNamed = true
    }
    if (body[element.end] !== COMMA)
      return { close: element.end, depth: depth + 1, arrays, isNamed }
    at = element.end + 1
  }
}

function findMember(body: Uint8Array, at: number, end: number): Member | undefined {
  const start = skipSpace(body, at, end)
  if (body[start] !== QUOTE) return undefined
  const key = { start, end: skipText(body, start, end) }
  const colon = skipSpace(body, key.end, end)
  if (body[colon] !== COLON) return undefined
  return { key, value: skipSpace(body, colon + 1, end), end }
}

function isArrayOfEvents(body: Uint8Array, { key, value }: Member): boolean {
  return body[value] === OPEN_BRACKET && isKey(body, key, 'events')
}

function isName(body: Uint8Array, member: Member, reader: PieceReader): boolean {
  if (body[member.value] !== QUOTE || member.end - member.value > MAX_NAME_BYTES) return false
  const key = NAME_KEYS.find((name) => isKey(body, member.key, name))
  if (key === undefined) return false
  const value = parseText(body, member.value, member.end)
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
