import { hash } from 'node:crypto'
import type { Redaction } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import type { OpenBatch, UnpackedChunk } from '../store/store.ts'
import { createChunkBuilder } from './chunk-builder.ts'
import { createEventMaker, createRedactEvent, type Routes } from './make-event.ts'
import { createPieceReader } from './read-piece.ts'
import { createRedact } from './redact.ts'
import { splitPieces } from './split-pieces.ts'

export interface ReadOptions {
  readonly provider: Provider
  readonly routes: Routes
  /** Default: everything is kept as it came. */
  readonly redaction?: Redaction | undefined
  /** At most this many events and unreadable pieces in a chunk. Default 500. */
  readonly piecesPerChunk?: number
  /** Puts a piece that our own code fails on into quarantine. Default: it ends the reading. */
  readonly keepsFailures?: boolean
}

/** From this many on, unreadable neighbours share a row: rubbish must not fill the store with rows. */
const MAX_UNMERGED_ROWS = 100

/**
 * Reads a batch into chunks, from `unpackedPieces` on. Pieces before that are read too, but only
 * counted, because keys and rows depend on what came before. Yields at least one chunk; the last
 * one has `isLast`.
 */
export function* readBatch(batch: OpenBatch, options: ReadOptions): Generator<UnpackedChunk> {
  if (hash('sha256', batch.body) !== batch.sha256) {
    yield quarantineBody(batch, 'The bytes are not those received: their SHA-256 differs.')
    return
  }
  const reader = createPieceReader(batch.body, options.provider)
  const chunk = createChunkBuilder(batch, options.piecesPerChunk ?? 500)
  const maker = createEventMaker(batch.source, {
    provider: options.provider,
    routes: options.routes,
    redact: findRedact(batch, options),
  })
  const makeEvent = options.keepsFailures ? withoutFailures(maker) : maker
  let position = 0
  let unreadable = 0
  for (const piece of splitPieces(batch.body, batch.contentType, reader)) {
    const bytes = piece.end - piece.start
    const isWanted = position >= batch.unpackedPieces
    if (isWanted && !chunk.hasRoom(bytes)) yield chunk.take(false)
    const reading = reader.read(piece)
    const event = reading.isEvent ? makeEvent(reading, position) : undefined
    if (!event) {
      const reason = reading.isEvent ? 'corrupt' : reading.reason
      const mayMerge = unreadable++ >= MAX_UNMERGED_ROWS
      if (isWanted) chunk.addUnreadable(piece, position, reason, mayMerge)
    } else if (isWanted) chunk.addEvent(event, bytes)
    position++
  }
  yield chunk.take(true)
}

/** The same, with nothing where it fails. */
function withoutFailures<Given extends unknown[], Made>(make: (...given: Given) => Made) {
  return (...given: Given): Made | undefined => {
    try {
      return make(...given)
    } catch {
      return undefined
    }
  }
}

function findRedact(batch: OpenBatch, { provider, redaction }: ReadOptions) {
  const redact = redaction && createRedact(redaction, batch.source)
  return redact && createRedactEvent(redact, provider)
}

/** A last chunk that keeps the whole body, for a batch that cannot be read, or no further. */
export function quarantineBody(batch: OpenBatch, detail: string): UnpackedChunk {
  const fromPiece = batch.unpackedPieces
  const row = { reason: 'corrupt', position: fromPiece, pieces: 1, byteOffset: 0 } as const
  return {
    batch: batch.id,
    fromPiece,
    toPiece: fromPiece + 1,
    events: [],
    unreadable: [{ ...row, bytes: batch.body, detail }],
    isLast: true,
  }
}
