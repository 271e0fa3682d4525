import { hash } from 'node:crypto'
import type { Redaction } from '../../src/model.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import { parsePayload } from '../../src/providers/read-value.ts'
import type { OpenBatch, UnreadablePiece } from '../../src/store/store.ts'
import type { DraftEvent, DraftPage } from '../../src/unpack/draft-page.ts'
import { hashContent } from '../../src/unpack/key.ts'
import { type ReadOptions, readBatch } from '../../src/unpack/read-batch.ts'
import { createRedacting } from '../../src/unpack/redact.ts'

/** A batch of the source `mailtrap` with this body, not unpacked yet. */
export function openBatch(
  body: string | Uint8Array,
  overrides: Partial<OpenBatch> = {},
): OpenBatch {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body)
  return {
    seq: 1,
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

/** What is to be known of an event here. */
function view(draft: DraftEvent, body: Uint8Array) {
  const { position, keys, keyAt, handlers } = draft
  const { type, name, eventId, occurredAt, recipient, messageId } = draft
  const payload = Buffer.from(body.subarray(draft.start, draft.start + draft.bytes)).toString()
  return {
    position,
    type,
    name,
    eventId,
    occurredAt,
    recipient,
    messageId,
    handlers,
    key: Buffer.from(keys.subarray(keyAt, keyAt + 16)).toString('base64url'),
    content: hashContent(parsePayload(payload), payload),
    payload,
  }
}

export interface ReadResult {
  readonly pages: readonly DraftPage[]
  readonly events: readonly ReturnType<typeof view>[]
  /** With the bytes themselves. */
  readonly unreadable: readonly (Omit<UnreadablePiece, 'bytes'> & { readonly bytes: Uint8Array })[]
}

/** All pages of a batch and, gathered, what they hold. */
export function readAll(
  batch: OpenBatch,
  options: Partial<ReadOptions> & { redaction?: Redaction } = {},
): ReadResult {
  const provider = PROVIDERS[batch.provider]
  const read = readBatch(batch, { provider, routes: () => ['all'], ...options })
  const redact = createRedacting(options.redaction, batch.source, provider)
  const redacted = redact?.(batch, read)
  const pages = redacted ? redacted.pages : [...read]
  const body = redacted ? redacted.replacement.body : batch.body
  return {
    pages,
    events: pages.flatMap(({ events }) => events.map((draft) => view(draft, body))),
    unreadable: pages.flatMap(({ unreadable }) =>
      unreadable.map((piece) => ({
        ...piece,
        bytes: body.subarray(piece.start, piece.start + piece.bytes),
      })),
    ),
  }
}

/** Read with nothing but a body. */
export function readBody(body: string | Uint8Array, contentType?: string): ReadResult {
  return readAll(openBatch(body, { contentType }))
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
