/** The bytes that give JSON its structure; all are ASCII, so they never occur inside a character. */
export const QUOTE = 0x22
export const COMMA = 0x2c
export const COLON = 0x3a
export const OPEN_BRACKET = 0x5b
export const CLOSE_BRACKET = 0x5d
export const OPEN_BRACE = 0x7b
export const CLOSE_BRACE = 0x7d
export const NEWLINE = 0x0a
export const BACKSLASH = 0x5c

/** `[` and `{` differ in this bit only, `]` and `}` too. */
const BRACE_BIT = 0x20

/** Where an element ends, and how deep its brackets nest. */
export interface Extent {
  /** Index of the comma or closing bracket behind it; the limit when there is none. */
  readonly end: number
  readonly depth: number
}

/** Index just behind a text whose opening quote is at `at`; at most `limit`. */
export function skipText(body: Uint8Array, at: number, limit: number): number {
  let index = at + 1
  while (index < limit) {
    const byte = body[index++]
    if (byte === QUOTE) return index
    if (byte === BACKSLASH) index++
  }
  return limit
}

/**
 * Finds the end of the array element, object member or single value that begins at `at`. It counts
 * brackets instead of matching their kinds: `[{"a":[1}]},2]` then still has two elements, of which
 * JSON.parse refuses one. Iterative, because a body may nest 100,000 deep.
 */
export function skipElement(body: Uint8Array, at: number, limit: number): Extent {
  let index = at
  let level = 0
  let depth = 0
  while (index < limit) {
    const byte = body[index] as number
    if (byte === QUOTE) {
      index = skipText(body, index, limit)
      continue
    }
    if (byte === COMMA) {
      if (level === 0) break
    } else if ((byte | BRACE_BIT) === OPEN_BRACE) {
      if (++level > depth) depth = level
    } else if ((byte | BRACE_BIT) === CLOSE_BRACE) {
      if (level === 0) break
      level--
    }
    index++
  }
  // Cut off inside a bracket or a text: the body ended before the element did.
  return { end: index, depth }
}

/** What an array shows from outside. */
export interface ArrayScan {
  /** Index of the bracket that closes it; the body's length when there is none. */
  readonly close: number
  readonly depth: number
  /** Its first elements, so that nobody has to look for their ends again. */
  readonly elements: readonly Extent[]
}

/** More than a sender puts into a batch: what is hostile must not fill the memory. */
const MAX_KEPT_ELEMENTS = 10_000

/** Looks at the elements of the array whose bracket is at `open`. */
export function scanArray(body: Uint8Array, open: number): ArrayScan {
  const elements: Extent[] = []
  let depth = 0
  let at = open
  do {
    const element = skipElement(body, at + 1, body.length)
    at = element.end
    if (element.depth > depth) depth = element.depth
    if (elements.length < MAX_KEPT_ELEMENTS) elements.push(element)
  } while (body[at] === COMMA)
  return { close: at, depth: depth + 1, elements }
}

/** Index of the first byte from `at` on that JSON does not call white space; at most `limit`. */
export function skipSpace(body: Uint8Array, at: number, limit: number): number {
  let index = at
  while (index < limit && isSpace(body[index])) index++
  return index
}

/** Index behind the last byte before `end` that is no white space; at least `at`. */
export function trimEnd(body: Uint8Array, at: number, end: number): number {
  let index = end
  while (index > at && isSpace(body[index - 1])) index--
  return index
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09
}
