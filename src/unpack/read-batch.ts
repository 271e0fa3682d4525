import { hash } from 'node:crypto'
import type { EventFacts } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import { eventIdOf, MAX_PIECES } from '../store/event-id.ts'
import type { OpenBatch } from '../store/store.ts'
import { type DraftEvent, type DraftPage, type DraftPlace, PageBuilder } from './draft-page.ts'
import { type ContentKeys, createContentKeys, hashContent, writeIdentityKey } from './key.ts'
import { type Piece, PieceReader, type PieceReading } from './read-piece.ts'
import { splitPieces } from './split-pieces.ts'

/** Names of the handlers that want such an event; `event` is as it was received. */
export type Routes = (
  facts: Pick<EventFacts, 'type' | 'name'>,
  event: Readonly<Record<string, unknown>>,
) => readonly string[]

export interface ReadOptions {
  readonly provider: Provider
  readonly routes: Routes
  /** Events and unreadable pieces of a page at most. Default 500. */
  readonly rowsPerPage?: number
  /** Puts a piece that our own code fails on into quarantine. Default: it ends the reading. */
  readonly keepsFailures?: boolean
}

/** From this many on, unreadable neighbours share a row: rubbish must not fill the store with rows. */
const MAX_UNMERGED_ROWS = 100

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
  const reader = new PieceReader(batch.body, options.provider)
  const drafting = new Drafting(batch, options)
  const page = new PageBuilder(batch.unpackedPieces, options.rowsPerPage ?? 500)
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
    const event = reading.isEvent ? drafting.draft(reading, piece, page.place(position)) : undefined
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

/** Makes events of what was read of a batch. */
class Drafting {
  readonly #batch: OpenBatch
  readonly #options: ReadOptions
  readonly #keyOfContent: ContentKeys

  constructor(batch: OpenBatch, options: ReadOptions) {
    this.#batch = batch
    this.#options = options
    this.#keyOfContent = createContentKeys(options.provider.name, batch.source)
  }

  /** Undefined: our own code fails on it, and it is to be kept all the same. */
  draft(reading: EventReading, piece: Piece, place: DraftPlace): DraftEvent | undefined {
    try {
      return this.#draft(reading, piece, place)
    } catch (error) {
      if (this.#options.keepsFailures) return undefined
      throw error
    }
  }

  #draft(reading: EventReading, { start, end }: Piece, place: DraftPlace): DraftEvent {
    const { event, facts } = reading
    const handlers = facts.isTest ? NO_HANDLERS : this.#options.routes(facts, event)
    return {
      event: eventIdOf(this.#batch.seq, place.position),
      position: place.position,
      start,
      bytes: end - start,
      keys: place.keys,
      keyAt: place.keyAt,
      type: facts.type,
      name: facts.name,
      eventId: facts.eventId,
      isIdKey: this.#writeKey(reading, place) && facts.eventId === facts.identity,
      occurredAt: facts.occurredAt,
      recipient: facts.recipient?.toLowerCase(),
      messageId: facts.messageId,
      verdict: handlers.length > 0 ? 'dispatched' : 'unhandled',
      twin: undefined,
      handlers,
      isIdentified: facts.identity !== undefined,
    }
  }

  #writeKey({ text, event, facts }: EventReading, { keys, keyAt }: DraftPlace): boolean {
    const { identity } = facts
    if (identity !== undefined) {
      return writeIdentityKey(this.#options.provider, identity, keys, keyAt)
    }
    keys.set(this.#keyOfContent(hashContent(event, text)), keyAt)
    return false
  }
}

const NO_HANDLERS: readonly string[] = []
