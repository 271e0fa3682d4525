import type { QuarantineReason, UnpackedEvent, UnreadablePiece } from '../model.ts'
import type { OpenBatch, UnpackedChunk } from '../store/store.ts'
import { type Piece, REFUSAL_DETAILS } from './read-piece.ts'

/** Gathers rows until they make a chunk of a size that a store takes in one go. */
export interface ChunkBuilder {
  /** Whether a piece of this size still belongs in the chunk. */
  hasRoom(bytes: number): boolean
  addEvent(event: UnpackedEvent, bytes: number): void
  /** `mayMerge`: into the row before, if that is the neighbour and failed for the same reason. */
  addUnreadable(piece: Piece, position: number, reason: QuarantineReason, mayMerge: boolean): void
  /** The chunk so far; the next one begins behind it. */
  take(isLast: boolean): UnpackedChunk
}

/** Neighbouring unreadable pieces; their bytes are copied when the chunk is taken. */
interface Run {
  readonly reason: QuarantineReason
  readonly position: number
  readonly start: number
  pieces: number
  end: number
}

const MAX_CHUNK_BYTES = 2 * 1024 * 1024
const MAX_CHUNK_PIECES = 20_000
const MAX_RUN_BYTES = 1024 * 1024

export function createChunkBuilder(batch: OpenBatch, maxRows: number): ChunkBuilder {
  let fromPiece = batch.unpackedPieces
  let toPiece = fromPiece
  let events: UnpackedEvent[] = []
  let runs: Run[] = []
  let chunkBytes = 0

  function hasRoom(bytes: number): boolean {
    if (toPiece === fromPiece) return true
    const hasRows = events.length + runs.length < maxRows
    return (
      hasRows && toPiece - fromPiece < MAX_CHUNK_PIECES && chunkBytes + bytes <= MAX_CHUNK_BYTES
    )
  }

  function addEvent(event: UnpackedEvent, bytes: number): void {
    events.push(event)
    toPiece = event.position + 1
    chunkBytes += bytes
  }

  function addUnreadable(
    piece: Piece,
    position: number,
    reason: QuarantineReason,
    mayMerge: boolean,
  ): void {
    const { start, end } = piece
    const run = runs.at(-1)
    if (mayMerge && run && isNeighbour(run, position, reason) && end - run.start <= MAX_RUN_BYTES) {
      chunkBytes += end - run.end
      run.end = end
      run.pieces++
    } else {
      chunkBytes += end - start
      runs.push({ reason, position, start, end, pieces: 1 })
    }
    toPiece = position + 1
  }

  function take(isLast: boolean): UnpackedChunk {
    const unreadable = runs.map((run) => toUnreadable(run, batch.body))
    const chunk = { batch: batch.id, fromPiece, toPiece, events, unreadable, isLast }
    fromPiece = toPiece
    events = []
    runs = []
    chunkBytes = 0
    return chunk
  }

  return { hasRoom, addEvent, addUnreadable, take }
}

function isNeighbour(run: Run, position: number, reason: QuarantineReason): boolean {
  return run.reason === reason && run.position + run.pieces === position
}

function toUnreadable(
  { reason, position, pieces, start, end }: Run,
  body: Uint8Array,
): UnreadablePiece {
  // A copy: a view would drag the whole body along when the chunk goes to another thread.
  const bytes = new Uint8Array(body.subarray(start, end))
  return { reason, position, pieces, byteOffset: start, bytes, detail: REFUSAL_DETAILS[reason] }
}
