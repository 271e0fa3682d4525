import type { UnpackedEvent, UnreadablePiece } from '../../src/model.ts'
import { makeReceipt } from '../../src/store/receipt.ts'
import type { ChunkReceipt, OpenBatch, StoreHint, UnpackedChunk } from '../../src/store/store.ts'

/** The part of a store that the unpacker uses, in memory; one batch at a time goes wrong on demand. */
export interface MemoryStore {
  takeBatch(leaseMs: number): Promise<OpenBatch | undefined>
  commitChunk(chunk: UnpackedChunk): Promise<ChunkReceipt | undefined>
  probe(): Promise<void>
  onHint(listener: (hint: StoreHint) => void): () => void
  /** Adds a batch and gives the hint. */
  add(batch: OpenBatch): void
  hint(hint: StoreHint): void
  /** Lets every lease end. */
  endLeases(): void
  readonly events: UnpackedEvent[]
  readonly unreadable: UnreadablePiece[]
  readonly closed: string[]
  readonly calls: { takeBatch: number; commitChunk: UnpackedChunk[] }
  readonly listeners: number
}

export interface Faults {
  takeBatch?: (call: number) => void
  /** Called before a chunk is stored; may wait or throw. */
  commitChunk?: (chunk: UnpackedChunk) => Promise<void> | void
  probe?: () => void
}

export function createMemoryStore(faults: Faults = {}): MemoryStore {
  const waiting = new Map<string, OpenBatch>()
  const leased = new Set<string>()
  const listeners = new Set<(hint: StoreHint) => void>()
  const events: UnpackedEvent[] = []
  const unreadable: UnreadablePiece[] = []
  const closed: string[] = []
  const calls = { takeBatch: 0, commitChunk: [] as UnpackedChunk[] }

  function hint(kind: StoreHint): void {
    for (const listener of listeners) listener(kind)
  }

  return {
    events,
    unreadable,
    closed,
    calls,
    hint,
    get listeners() {
      return listeners.size
    },
    add(batch) {
      waiting.set(batch.id, batch)
      hint('batches')
    },
    endLeases: () => leased.clear(),
    async takeBatch() {
      calls.takeBatch++
      faults.takeBatch?.(calls.takeBatch)
      const batch = [...waiting.values()].find(({ id }) => !leased.has(id))
      if (batch) leased.add(batch.id)
      return batch
    },
    async commitChunk(chunk) {
      calls.commitChunk.push(chunk)
      await faults.commitChunk?.(chunk)
      const batch = waiting.get(chunk.batch)
      if (batch?.unpackedPieces !== chunk.fromPiece) return undefined
      events.push(...chunk.events)
      unreadable.push(...chunk.unreadable)
      waiting.set(batch.id, { ...batch, unpackedPieces: chunk.toPiece })
      if (chunk.isLast) {
        waiting.delete(batch.id)
        closed.push(batch.id)
      }
      const quarantined = chunk.unreadable.length
      return makeReceipt(
        chunk.events.map(({ type }) => [type, 'unhandled']),
        quarantined,
      )
    },
    async probe() {
      faults.probe?.()
    },
    onHint(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
