import { blankTraces, fill, isBlank, type Span } from '../blank-traces.ts'
import { DISCARD_LINE } from '../job-record.ts'
import type { TraceFinder } from '../trace-finder.ts'

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

export interface ErasedBody<Event, Piece> {
  /** Events that held a trace: their bytes are overwritten. */
  readonly events: readonly Event[]
  /** Unreadable pieces of which nothing is left, and such of which something is. */
  readonly gone: readonly Piece[]
  readonly cut: readonly Piece[]
  readonly hasChanged: boolean
}

const spanOf = ({ start, bytes }: Placed): Span => ({ start, end: start + bytes })

/** What names a person in the columns of an event; its bytes are looked at apart. */
export function isNamed({ type, recipient }: PlacedEvent, finder: TraceFinder): boolean {
  return finder.isIn(type) || (recipient !== null && finder.isIn(recipient))
}

/**
 * Takes a person out of a body, in place and without moving a byte: events as a whole, of all else
 * (unreadable pieces, duplicates, what frames the events) as little as can be told apart. `events`
 * come in the order of their places.
 */
export function eraseFromBody<Event extends PlacedEvent, Piece extends PlacedPiece>(
  body: Uint8Array,
  { events, pieces }: { readonly events: readonly Event[]; readonly pieces: readonly Piece[] },
  finder: TraceFinder,
): ErasedBody<Event, Piece> {
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
