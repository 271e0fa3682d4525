import { createHash, randomUUID } from 'node:crypto'
import type { Batch, UnpackedEvent, UnreadablePiece } from '../../src/model.ts'
import type { UnpackedChunk } from '../../src/store/store.ts'

/** A batch of these bytes, as the ack path hands it to a journal. */
export function sampleBatch(overrides: Partial<Batch> = {}): Batch {
  const body = overrides.body ?? Buffer.from(`{"events":[{"event":"open","n":"${randomUUID()}"}]}`)
  return {
    id: randomUUID(),
    source: 'mailtrap',
    provider: 'mailtrap',
    receivedAt: Date.now(),
    contentType: 'application/json',
    sha256: createHash('sha256').update(body).digest('hex'),
    ...overrides,
    body,
  }
}

/** An unpacked event with a key of its own. */
export function sampleEvent(overrides: Partial<UnpackedEvent> = {}): UnpackedEvent {
  const eventId = overrides.eventId ?? randomUUID()
  return {
    position: 0,
    key: createHash('sha256').update(eventId).digest('base64url').slice(0, 22),
    digest: 'abcdefghijkl',
    type: 'open',
    name: 'email.opened',
    eventId,
    occurredAt: 1_768_651_200_000,
    recipient: 'user1@example.com',
    messageId: randomUUID(),
    payload: `{"event":"open","event_id":"${eventId}"}`,
    handlers: ['counter'],
    ...overrides,
  }
}

export function sampleUnreadable(overrides: Partial<UnreadablePiece> = {}): UnreadablePiece {
  return {
    reason: 'invalid_json',
    position: 0,
    pieces: 1,
    byteOffset: 0,
    bytes: Buffer.from('{"event":'),
    detail: 'unexpected end',
    ...overrides,
  }
}

/** The whole of a batch in one chunk. */
export function wholeChunk(batch: string, overrides: Partial<UnpackedChunk> = {}): UnpackedChunk {
  const events = overrides.events ?? []
  return {
    batch,
    fromPiece: 0,
    toPiece: events.length,
    unreadable: [],
    isLast: true,
    ...overrides,
    events,
  }
}
