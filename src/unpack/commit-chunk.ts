import { ReceiverError } from '../errors.ts'
import type { UnpackedEvent, UnreadablePiece } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import type { ChunkReceipt, OpenBatch, Store, UnpackedChunk } from '../store/store.ts'
import { addTypes } from './add-types.ts'
import { createPieceReader } from './read-piece.ts'
import { splitPieces } from './split-pieces.ts'

export interface CommitContext {
  readonly store: Pick<Store, 'commitChunk'>
  readonly batch: OpenBatch
  readonly provider: Provider
}

export const NO_RECEIPT: ChunkReceipt = {
  stored: 0,
  duplicates: 0,
  conflicts: 0,
  stale: 0,
  quarantined: 0,
  types: [],
}

/**
 * Commits a chunk. If the store refuses it for what it holds, its pieces are committed one by one,
 * and an event that is refused again goes to quarantine. Undefined when somebody else has unpacked
 * these pieces meanwhile.
 */
export async function commitChunk(
  chunk: UnpackedChunk,
  context: CommitContext,
): Promise<ChunkReceipt | undefined> {
  try {
    return await context.store.commitChunk(chunk)
  } catch (error) {
    const hasRows = chunk.events.length + chunk.unreadable.length > 0
    if (isStoreTrouble(error) || !hasRows) throw error
    return await commitSingly(chunk, context)
  }
}

/** True for a store that cannot work now; false for one that cannot take what it was given. */
export function isStoreTrouble(error: unknown): error is ReceiverError {
  return error instanceof ReceiverError && error.code !== 'store_refused'
}

export function addReceipts(one: ChunkReceipt, other: ChunkReceipt): ChunkReceipt {
  return {
    stored: one.stored + other.stored,
    duplicates: one.duplicates + other.duplicates,
    conflicts: one.conflicts + other.conflicts,
    stale: one.stale + other.stale,
    quarantined: one.quarantined + other.quarantined,
    types: addTypes(one.types, other.types),
  }
}

async function commitSingly(
  chunk: UnpackedChunk,
  context: CommitContext,
): Promise<ChunkReceipt | undefined> {
  let total = NO_RECEIPT
  for (const single of splitChunk(chunk)) {
    const receipt = await commitOrQuarantine(single, context)
    if (!receipt) return undefined
    total = addReceipts(total, receipt)
  }
  return total
}

async function commitOrQuarantine(
  single: UnpackedChunk,
  { store, batch, provider }: CommitContext,
): Promise<ChunkReceipt | undefined> {
  try {
    return await store.commitChunk(single)
  } catch (error) {
    const event = single.events[0]
    if (isStoreTrouble(error) || !event) throw error
    const unreadable = [quarantineEvent(event, batch, provider)]
    return await store.commitChunk({ ...single, events: [], unreadable })
  }
}

/** Chunks of one row each that cover the same pieces. */
function* splitChunk(chunk: UnpackedChunk): Generator<UnpackedChunk> {
  const rows = [
    ...chunk.events.map((event) => ({ position: event.position, events: [event], unreadable: [] })),
    ...chunk.unreadable.map((row) => ({ position: row.position, events: [], unreadable: [row] })),
  ].sort((one, other) => one.position - other.position)
  for (const [index, { position, events, unreadable }] of rows.entries()) {
    const toPiece = rows[index + 1]?.position ?? chunk.toPiece
    const isLast = chunk.isLast && index === rows.length - 1
    yield { batch: chunk.batch, fromPiece: position, toPiece, events, unreadable, isLast }
  }
}

function quarantineEvent(
  event: UnpackedEvent,
  batch: OpenBatch,
  provider: Provider,
): UnreadablePiece {
  return {
    reason: 'corrupt',
    position: event.position,
    pieces: 1,
    byteOffset: findOffset(batch, provider, event.position),
    bytes: Buffer.from(event.payload),
    detail: 'The store refused it.',
  }
}

function findOffset(batch: OpenBatch, provider: Provider, position: number): number {
  const reader = createPieceReader(batch.body, provider)
  let index = 0
  for (const piece of splitPieces(batch.body, batch.contentType, reader)) {
    if (index++ === position) return piece.start
  }
  return 0
}
