import { hash } from 'node:crypto'
import type { UnpackedEvent, UnreadablePiece } from '../../src/model.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import type { OpenBatch, UnpackedChunk } from '../../src/store/store.ts'
import { type ReadOptions, readBatch } from '../../src/unpack/read-batch.ts'

/** A batch of the source `mailtrap` with this body, leased and not unpacked yet. */
export function openBatch(
  body: string | Uint8Array,
  overrides: Partial<OpenBatch> = {},
): OpenBatch {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body)
  return {
    id: 'batch-1',
    source: 'mailtrap',
    provider: 'mailtrap',
    receivedAt: 1_768_651_200_000,
    contentType: 'application/json',
    sha256: hash('sha256', bytes),
    body: bytes,
    unpackedPieces: 0,
    ...overrides,
  }
}

export interface ReadResult {
  readonly chunks: readonly UnpackedChunk[]
  readonly events: readonly UnpackedEvent[]
  readonly unreadable: readonly UnreadablePiece[]
}

/** All chunks of a batch and, gathered, what they hold. */
export function readAll(batch: OpenBatch, options: Partial<ReadOptions> = {}): ReadResult {
  const provider = PROVIDERS[batch.provider]
  const chunks = [...readBatch(batch, { provider, routes: () => ['all'], ...options })]
  return {
    chunks,
    events: chunks.flatMap((chunk) => chunk.events),
    unreadable: chunks.flatMap((chunk) => chunk.unreadable),
  }
}

/** Read with nothing but a body. */
export function readBody(body: string | Uint8Array, contentType?: string): ReadResult {
  return readAll(openBatch(body, { contentType }))
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
