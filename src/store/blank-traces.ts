import type { TraceFinder } from './trace-finder.ts'

const [QUOTE, BACKSLASH, OPEN, CLOSE, NEWLINE, SPACE] = [0x22, 0x5c, 0x7b, 0x7d, 0x0a, 0x20]

/** Objects that nest deeper are taken as one, so that a hostile body costs no more than others. */
const DEEPEST = 16

/** From the first byte to the one behind the last. */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * Overwrites what holds a trace with spaces, as little as can be told apart: the innermost JSON
 * object, only the text where that object holds others, else the line. Nothing moves. Answers
 * whether it found one.
 */
export function blankTraces(bytes: Uint8Array, span: Span, finder: TraceFinder): boolean {
  if (!isIn(bytes, span, finder)) return false
  blank(bytes, { span, depth: 0 }, finder)
  // What cannot be taken apart goes as a whole.
  if (isIn(bytes, span, finder)) fill(bytes, span)
  return true
}

export function fill(bytes: Uint8Array, { start, end }: Span): void {
  bytes.fill(SPACE, start, end)
}

/** True when there is nothing but white space. */
export function isBlank(bytes: Uint8Array, { start, end }: Span): boolean {
  for (let at = start; at < end; at++) if (!BLANK.has(bytes[at] as number)) return false
  return true
}
const BLANK: ReadonlySet<number> = new Set([SPACE, NEWLINE, 0x0d, 0x09, 0x00])

function isIn(bytes: Uint8Array, { start, end }: Span, finder: TraceFinder): boolean {
  return finder.isInBytes(bytes.subarray(start, end))
}

function blank(
  bytes: Uint8Array,
  { span, depth }: { span: Span; depth: number },
  finder: TraceFinder,
): void {
  const objects = depth < DEEPEST ? findObjects(bytes, span) : []
  for (const object of objects) {
    if (isIn(bytes, object, finder)) blank(bytes, { span: object, depth: depth + 1 }, finder)
  }
  if (!isIn(bytes, span, finder)) return
  if (objects.length === 0 && isObject(bytes, span)) return fill(bytes, span)
  if (objects.length > 0) blankEach(bytes, findTexts(bytes, span), finder)
  if (isIn(bytes, span, finder)) blankEach(bytes, findLines(bytes, span), finder)
}

function blankEach(bytes: Uint8Array, spans: readonly Span[], finder: TraceFinder): void {
  for (const span of spans) if (isIn(bytes, span, finder)) fill(bytes, span)
}

/**
 * The outermost objects within a span; in one that is an object itself, those inside of it. One that
 * is never closed ends with the span, and so does a text.
 */
function findObjects(bytes: Uint8Array, { start, end }: Span): Span[] {
  const found: Span[] = []
  let at = isObject(bytes, { start, end }) ? start + 1 : start
  while (at < end) {
    const byte = bytes[at]
    if (byte === QUOTE) at = skipText(bytes, at, end)
    else if (byte === OPEN) {
      const close = closeOf(bytes, at, end)
      found.push({ start: at, end: Math.min(end, close + 1) })
      at = close + 1
    } else at++
  }
  return found
}

/** All of the span is one object, or the beginning of one. */
function isObject(bytes: Uint8Array, { start, end }: Span): boolean {
  return bytes[start] === OPEN && closeOf(bytes, start, end) >= end - 1
}

/** Where the object that opens here is closed; `end` when it is not. */
function closeOf(bytes: Uint8Array, open: number, end: number): number {
  let level = 0
  let at = open
  while (at < end) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      at = skipText(bytes, at, end)
      continue
    }
    if (byte === OPEN) level++
    else if (byte === CLOSE && --level === 0) return at
    at++
  }
  return end
}

/** Behind the text whose quote opens here. A line ends one that is never closed: JSON allows none inside. */
function skipText(bytes: Uint8Array, open: number, end: number): number {
  for (let at = open + 1; at < end; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) return at + 1
    if (byte === NEWLINE) return at
    if (byte === BACKSLASH) at++
  }
  return end
}

/** The insides of texts. */
function findTexts(bytes: Uint8Array, { start, end }: Span): Span[] {
  const found: Span[] = []
  for (let at = start; at < end; at++) {
    if (bytes[at] !== QUOTE) continue
    const behind = skipText(bytes, at, end)
    const isClosed = bytes[behind - 1] === QUOTE && behind - 1 > at
    found.push({ start: at + 1, end: isClosed ? behind - 1 : behind })
    at = behind - 1
  }
  return found
}

function findLines(bytes: Uint8Array, { start, end }: Span): Span[] {
  const found: Span[] = []
  for (let at = start; at < end; ) {
    const newline = bytes.subarray(at, end).indexOf(NEWLINE)
    const behind = newline < 0 ? end : at + newline
    found.push({ start: at, end: behind })
    at = behind + 1
  }
  return found
}
