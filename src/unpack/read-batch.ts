import { hash } from 'node:crypto'
import type { EventFacts, QuarantineReason } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import { eventIdOf, MAX_PIECES } from '../store/event-id.ts'
import { RUN_SPAN } from '../store/run-bits.ts'
import type {
  OpenBatch,
  RunEvent,
  UnpackedEvent,
  UnreadablePiece,
  Verdict,
} from '../store/store.ts'
import { hashContent } from './canonical-text.ts'
import { createContentKeys, KEY_BYTES, writeIdentityKey } from './key.ts'
import { createPieceReader, type Piece, type PieceReading, REFUSAL_DETAILS } from './read-piece.ts'
import { splitPieces } from './split-pieces.ts'

/** Names of the handlers that want such an event; `event` is as it was received. */
export type Routes = (
  facts: Pick<EventFacts, 'type' | 'name'>,
  event: Readonly<Record<string, unknown>>,
) => readonly string[]

/**
 * An event as it was read. Whether it is new is decided later, in it: what is stored and handed out is
 * the same object, as 500 copies of it take longer to collect than to make. Text and content are not
 * kept: they would live through a collection or two, and cost more than to read the few again that differ.
 */
export interface DraftEvent extends RunEvent, UnpackedEvent {
  isIdKey: boolean
  verdict: Verdict
  twin: number | undefined
  handlers: readonly string[]
  /** Its provider says by what it is known again; else it is its content. */
  readonly isIdentified: boolean
}

/** Part of a batch: pieces from one index to before another. */
export interface DraftPage {
  readonly fromPiece: number
  readonly toPiece: number
  readonly isLast: boolean
  readonly events: readonly DraftEvent[]
  /** Their keys one behind the other, 16 bytes each. */
  readonly keys: Uint8Array
  readonly unreadable: readonly UnreadablePiece[]
}

export interface ReadOptions {
  readonly provider: Provider
  readonly routes: Routes
  /** Events and unreadable pieces of a page at most. Default 500. */
  readonly rowsPerPage?: number
  /** Puts a piece that our own code fails on into quarantine. Default: it ends the reading. */
  readonly keepsFailures?: boolean
}

/** As much is parsed and stored in a few milliseconds. */
const MAX_PAGE_BYTES = 1024 * 1024
const MAX_PAGE_PIECES = 5_000
/** From this many on, unreadable neighbours share a row: rubbish must not fill the store with rows. */
const MAX_UNMERGED_ROWS = 100
const MAX_MERGED_BYTES = 1024 * 1024

/**
 * Reads a batch into pages, from `unpackedPieces` on. Pieces before that are read too, but only
 * counted, because keys and rows depend on what came before. Yields at least one page; the last one
 * has `isLast`.
 */
export function* readBatch(batch: OpenBatch, options: ReadOptions): Generator<DraftPage> {
  if (!batch.isFresh && hash('sha256', batch.body) !== batch.sha256) {
    yield quarantineRest(batch, 'The bytes are not those received: their SHA-256 differs.')
    return
  }
  const reader = createPieceReader(batch.body, options.provider)
  const draft = createDrafting(batch, options)
  const page = createPageBuilder(batch.unpackedPieces, options.rowsPerPage ?? 500)
  let position = 0
  let unreadable = 0
  for (const piece of splitPieces(batch.body, batch.contentType, reader)) {
    if (position === MAX_PIECES) {
      page.addUnreadable({ ...piece, end: batch.body.length }, position, 'too_many', false)
      break
    }
    const isWanted = position >= batch.unpackedPieces
    if (isWanted && !page.hasRoom(piece, position)) yield page.take(false)
    const reading = reader.read(piece)
    const event = reading.isEvent ? draft(reading, piece, page.place(position)) : undefined
    if (!event) {
      const reason = reading.isEvent ? 'corrupt' : reading.reason
      const mayMerge = unreadable++ >= MAX_UNMERGED_ROWS
      if (isWanted) page.addUnreadable(piece, position, reason, mayMerge)
    } else if (isWanted) page.addEvent(event)
    position++
  }
  yield page.take(true)
}

/** A last page that keeps the rest of the body, for a batch that cannot be read, or no further. */
export function quarantineRest(batch: OpenBatch, detail: string): DraftPage {
  const fromPiece = batch.unpackedPieces
  const place = { position: fromPiece, pieces: 1, start: 0, bytes: batch.body.length }
  return {
    fromPiece,
    toPiece: fromPiece + 1,
    isLast: true,
    events: [],
    keys: new Uint8Array(0),
    unreadable: [{ ...place, reason: 'corrupt', detail }],
  }
}

type EventReading = Extract<PieceReading, { isEvent: true }>

/** Where an event goes in its page. */
type DraftPlace = Pick<DraftEvent, 'position' | 'keys' | 'keyAt'>

function createDrafting(
  { seq, source }: OpenBatch,
  { provider, routes, keepsFailures = false }: ReadOptions,
): (reading: EventReading, piece: Piece, place: DraftPlace) => DraftEvent | undefined {
  const keyOfContent = createContentKeys(provider.name, source)

  function writeKey({ text, event, facts }: EventReading, { keys, keyAt }: DraftPlace): boolean {
    const { identity } = facts
    if (identity !== undefined) return writeIdentityKey(provider, identity, keys, keyAt)
    keys.set(keyOfContent(hashContent(event, text)), keyAt)
    return false
  }

  function draft(reading: EventReading, { start, end }: Piece, place: DraftPlace): DraftEvent {
    const { event, facts } = reading
    const handlers = facts.isTest ? NO_HANDLERS : routes(facts, event)
    return {
      event: eventIdOf(seq, place.position),
      position: place.position,
      start,
      bytes: end - start,
      keys: place.keys,
      keyAt: place.keyAt,
      type: facts.type,
      name: facts.name,
      eventId: facts.eventId,
      isIdKey: writeKey(reading, place) && facts.eventId === facts.identity,
      occurredAt: facts.occurredAt,
      recipient: facts.recipient?.toLowerCase(),
      messageId: facts.messageId,
      verdict: handlers.length > 0 ? 'dispatched' : 'unhandled',
      twin: undefined,
      handlers,
      isIdentified: facts.identity !== undefined,
    }
  }

  if (!keepsFailures) return draft
  return (...given) => {
    try {
      return draft(...given)
    } catch {
      return undefined
    }
  }
}

const NO_HANDLERS: readonly string[] = []

/** Gathers rows until they make a page that is stored in one go. */
function createPageBuilder(firstPiece: number, maxRows: number) {
  let fromPiece = firstPiece
  let toPiece = firstPiece
  let events: DraftEvent[] = []
  let keys = new Uint8Array(maxRows * KEY_BYTES)
  let rows: UnreadablePiece[] = []
  let pageBytes = 0

  /** The events of a page fit into the bits of one run. */
  function hasRoom({ start, end }: Piece, position: number): boolean {
    if (toPiece === fromPiece) return true
    const [first] = events
    return (
      events.length + rows.length < maxRows &&
      position - fromPiece < MAX_PAGE_PIECES &&
      (first === undefined || position - first.position < RUN_SPAN) &&
      pageBytes + end - start <= MAX_PAGE_BYTES
    )
  }

  function addUnreadable(
    { start, end }: Piece,
    position: number,
    reason: QuarantineReason,
    mayMerge: boolean,
  ): void {
    const last = rows.at(-1)
    const isNeighbour =
      last !== undefined && last.reason === reason && last.position + last.pieces === position
    pageBytes += end - start
    toPiece = position + 1
    if (mayMerge && isNeighbour && end - last.start <= MAX_MERGED_BYTES) {
      rows[rows.length - 1] = { ...last, pieces: last.pieces + 1, bytes: end - last.start }
    } else {
      const detail = REFUSAL_DETAILS[reason]
      rows.push({ reason, position, pieces: 1, start, bytes: end - start, detail })
    }
  }

  return {
    hasRoom,
    addUnreadable,
    /** Where the next event of the page goes. */
    place: (position: number): DraftPlace => ({
      position,
      keys,
      keyAt: events.length * KEY_BYTES,
    }),
    addEvent(event: DraftEvent): void {
      events.push(event)
      toPiece = event.position + 1
      pageBytes += event.bytes
    },
    /** The page so far; the next one begins behind it. */
    take(isLast: boolean): DraftPage {
      const used = keys.subarray(0, events.length * KEY_BYTES)
      const page = { fromPiece, toPiece, isLast, events, keys: used, unreadable: rows }
      fromPiece = toPiece
      events = []
      keys = new Uint8Array(maxRows * KEY_BYTES)
      rows = []
      pageBytes = 0
      return page
    },
  }
}
