import { DISCARD_LINE } from '../claimed-rows.ts'
import type { TraceFinder } from '../trace-finder.ts'

const [QUOTE, BACKSLASH, OPEN, CLOSE, NEWLINE, SPACE] = [0x22, 0x5c, 0x7b, 0x7d, 0x0a, 0x20]
const BLANK: ReadonlySet<number> = new Set([SPACE, NEWLINE, 0x0d, 0x09, 0x00])

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
  const holds = ({ start, end }: Span) => finder.isInBytes(bytes.subarray(start, end))
  const blankEach = (spans: readonly Span[]) => {
    for (const one of spans) if (holds(one)) fill(bytes, one)
  }
  if (!holds(span)) return false
  const { objects, texts } = takeApart(bytes, span)
  for (const object of objects) {
    if (!holds(object)) continue
    if (object.isInnermost) fill(bytes, object)
    else blankEach(takeApart(bytes, object).texts)
    if (holds(object)) blankEach(findLines(bytes, object))
  }
  if (objects.length > 0) blankEach(texts)
  if (holds(span)) blankEach(findLines(bytes, span))
  // What cannot be taken apart goes as a whole.
  if (holds(span)) fill(bytes, span)
  return true
}

function fill(bytes: Uint8Array, { start, end }: Span): void {
  bytes.fill(SPACE, start, end)
}

/** True when there is nothing but white space. */
export function isBlank(bytes: Uint8Array, { start, end }: Span): boolean {
  for (let at = start; at < end; at++) if (!BLANK.has(bytes[at] as number)) return false
  return true
}

interface JsonObject extends Span {
  readonly isInnermost: boolean
}

/**
 * The objects within a span, those inside of others before them, and the insides of its texts. What
 * is never closed ends with the span, and a text with its line: JSON allows none inside.
 */
function takeApart(bytes: Uint8Array, { start, end }: Span) {
  const objects: JsonObject[] = []
  const texts: Span[] = []
  const open: { start: number; isInnermost: boolean }[] = []
  let depth = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      const close = endOfText(bytes, at + 1, end)
      texts.push({ start: at + 1, end: close })
      at = close
    } else if (byte === OPEN && ++depth <= DEEPEST) {
      const around = open.at(-1)
      if (around) around.isInnermost = false
      open.push({ start: at, isInnermost: true })
    } else if (byte === CLOSE && depth > 0 && --depth < DEEPEST) {
      const closed = open.pop()
      if (closed) objects.push({ ...closed, end: at + 1 })
    }
  }
  for (const torn of open.reverse()) objects.push({ ...torn, end })
  return { objects, texts }
}

function endOfText(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte === QUOTE || byte === NEWLINE) return at
    if (byte === BACKSLASH) at++
  }
  return end
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

/** Where something lies in a body. */
interface Placed {
  readonly id: number
  readonly start: number
  readonly bytes: number
}

export interface PlacedEvent extends Placed {
  readonly type: string
  readonly recipient: string | null
}
export interface PlacedPiece extends Placed {
  readonly pieces: number
}

const spanOf = ({ start, bytes }: Placed): Span => ({ start, end: start + bytes })

/** What names a person in the columns of an event; its bytes are looked at apart. */
export function isNamed({ type, recipient }: PlacedEvent, finder: TraceFinder): boolean {
  return finder.isIn(type) || (recipient !== null && finder.isIn(recipient))
}

/**
 * Takes a person out of a body, in place and without moving a byte: events as a whole, of all else
 * (unreadable pieces, duplicates, what frames the events) as little as can be told apart. `events`
 * come in the order of their places. Answers which of them held a trace, and the unreadable pieces of
 * which nothing is left (`gone`), or something is (`cut`).
 */
export function eraseFromBody<Event extends PlacedEvent, Piece extends PlacedPiece>(
  body: Uint8Array,
  { events, pieces }: { readonly events: readonly Event[]; readonly pieces: readonly Piece[] },
  finder: TraceFinder,
) {
  const mayHold = finder.isInBytes(body)
  const isTold = (event: Event) =>
    mayHold && finder.isInBytes(body.subarray(event.start, event.start + event.bytes))
  const found = events.filter((event) => isNamed(event, finder) || isTold(event))
  for (const event of found) fill(body, spanOf(event))
  if (!mayHold) return { events: found, gone: [], cut: [], hasChanged: found.length > 0 }

  const erased = pieces.filter((piece) => blankTraces(body, spanOf(piece), finder))
  const others = events.filter((event) => !found.includes(event))
  let hasChanged = found.length + erased.length > 0
  for (const gap of gapsBetween(others, body.length)) {
    hasChanged = blankTraces(body, gap, finder) || hasChanged
  }
  const isGone = (piece: Piece) => isBlank(body, spanOf(piece))
  return {
    events: found,
    gone: erased.filter(isGone),
    cut: erased.filter((piece) => !isGone(piece)),
    hasChanged,
  }
}

function gapsBetween(events: readonly Placed[], length: number): Span[] {
  const gaps: Span[] = []
  let start = 0
  for (const event of [...events, { start: length, bytes: 0 }]) {
    if (event.start > start) gaps.push({ start, end: event.start })
    start = Math.max(start, event.start + event.bytes)
  }
  return gaps
}

/** A job's record of failures without the texts that hold a trace; undefined when none does. */
export function eraseErrors(failures: string, finder: TraceFinder): string | undefined {
  if (!finder.isIn(failures)) return undefined
  return failures.replaceAll(/[^\n]+\n?/g, (line) => (finder.isIn(line) ? eraseError(line) : line))
}

/** The oldest line may have been cut off at its beginning: then nobody can read it anyway. */
function eraseError(line: string): string {
  const isDiscard = line.startsWith(DISCARD_LINE)
  if (!isDiscard && !line.startsWith('{"attempt"')) return ''
  const told = { [isDiscard ? 'reason' : 'error']: 'Erased: it told of a person.' }
  return `${JSON.stringify({ ...(JSON.parse(line) as object), ...told })}\n`
}
