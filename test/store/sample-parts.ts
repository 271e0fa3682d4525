import { createHash, randomUUID } from 'node:crypto'
import type { Batch, Outcome } from '../../src/model.ts'
import type {
  BatchFacts,
  ClaimedJob,
  ClaimRequest,
  EndedJob,
  OpenRun,
  RunProgress,
  UnpackedEvent,
  UnpackedPage,
  UnreadablePiece,
} from '../../src/store/store.ts'

export const LEASE_MS = 60_000
/** How long an attempt of the samples takes. */
export const TOOK_MS = 3
const KEY_BYTES = 16
const OPENING = '{"events":['

/** An event that has no place in a body yet. */
export interface SampleEvent extends Omit<UnpackedEvent, 'position' | 'start' | 'bytes'> {
  /** 16 bytes. */
  readonly key: Uint8Array
  /** Its very text in the body. */
  readonly payload: string
}

/** An unreadable piece, or several neighbours, likewise. */
export interface SamplePiece extends Omit<UnreadablePiece, 'position' | 'start' | 'bytes'> {
  readonly content: Uint8Array
}

export type SamplePart = SampleEvent | SamplePiece

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A UUID is its own key; of anything else every code unit counts. */
export function sampleKey(identity: string): Uint8Array {
  if (UUID.test(identity)) return Buffer.from(identity.replaceAll('-', ''), 'hex')
  return hashKey(Buffer.from(identity, 'utf16le'))
}

/** Of these bytes, one behind the other. */
export const hashKey = (...parts: readonly Uint8Array[]): Uint8Array =>
  createHash('sha256').update(Buffer.concat(parts)).digest().subarray(0, KEY_BYTES)

/** An event with a key of its own, which the handler `counter` wants. */
export function sampleEvent(overrides: Partial<SampleEvent> = {}): SampleEvent {
  const eventId = 'eventId' in overrides ? overrides.eventId : randomUUID()
  const handlers = overrides.handlers ?? ['counter']
  const identity =
    eventId === undefined ? `"n":"${randomUUID()}"` : `"event_id":${JSON.stringify(eventId)}`
  const payload = overrides.payload ?? `{"event":"open",${identity}}`
  return {
    key: eventId === undefined ? hashKey(Buffer.from(payload)) : sampleKey(eventId),
    type: 'open',
    name: 'email.opened',
    eventId,
    isIdKey: eventId !== undefined && UUID.test(eventId),
    occurredAt: 1_768_651_200_000,
    recipient: 'user1@example.com',
    messageId: randomUUID(),
    verdict: handlers.length > 0 ? 'dispatched' : 'unhandled',
    twin: undefined,
    ...overrides,
    handlers,
    payload,
  }
}

export const sampleEvents = (count: number, overrides: Partial<SampleEvent> = {}) =>
  Array.from({ length: count }, () => sampleEvent(overrides))

export function samplePiece(overrides: Partial<SamplePiece> = {}): SamplePiece {
  return {
    reason: 'invalid_json',
    pieces: 1,
    content: Buffer.from('{"event":'),
    detail: 'unexpected end',
    ...overrides,
  }
}

/** A batch whose body holds these parts, as the ack path hands it to a journal. */
export function sampleBatch(
  parts: readonly SamplePart[] = [sampleEvent()],
  overrides: Partial<Batch> = {},
): Batch {
  const body = overrides.body ?? bodyOf(parts)
  return {
    id: randomUUID(),
    source: 'mailtrap',
    provider: 'mailtrap',
    receivedAt: Date.now(),
    contentType: 'application/json',
    sha256: sha256Of(body),
    ...overrides,
    body,
  }
}

export const sha256Of = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

const bytesOf = (part: SamplePart): Buffer =>
  'payload' in part ? Buffer.from(part.payload) : Buffer.from(part.content)

/** `{"events":[…]}` with the parts as they are. */
export function bodyOf(parts: readonly SamplePart[]): Buffer {
  const between = parts.flatMap((part, index) => [
    ...(index > 0 ? [Buffer.from(',')] : []),
    bytesOf(part),
  ])
  return Buffer.concat([Buffer.from(OPENING), ...between, Buffer.from(']}')])
}

export type Placed<Part> = Part & Pick<UnpackedEvent, 'position' | 'start' | 'bytes'>

/** The parts, each with its place in a body of them. */
export function placeParts(parts: readonly SamplePart[]): Placed<SamplePart>[] {
  let start = OPENING.length
  let position = 0
  return parts.map((part) => {
    const bytes = bytesOf(part).length
    const placed = { ...part, position, start, bytes }
    start += bytes + 1
    position += 'payload' in part ? 1 : part.pieces
    return placed
  })
}

/** How many pieces a body of these parts has. */
export const piecesOf = (parts: readonly SamplePart[]): number =>
  parts.reduce((sum, part) => sum + ('payload' in part ? 1 : part.pieces), 0)

/** A page of the batch whose body holds these parts, decided upon as they say: all of it, or some pieces. */
export function pageOf(
  batch: BatchFacts,
  parts: readonly SamplePart[],
  overrides: Partial<UnpackedPage> = {},
): UnpackedPage {
  const { fromPiece = 0, toPiece = piecesOf(parts) } = overrides
  const own = placeParts(parts).filter(
    ({ position }) => position >= fromPiece && position < toPiece,
  )
  const events = own.filter((part): part is Placed<SampleEvent> => 'payload' in part)
  const pieces = own.filter((part): part is Placed<SamplePiece> => !('payload' in part))
  return {
    batch,
    fromPiece,
    toPiece,
    isLast: toPiece === piecesOf(parts),
    events: events.map(({ key: _key, payload: _payload, ...event }) => event),
    keys: Buffer.concat(events.map(({ key }) => key)),
    unreadable: pieces.map(({ content: _content, ...piece }) => piece),
    duplicates: 0,
    opensFor: new Set(),
    ...overrides,
  }
}

export const claimOf = (handler: string, events = 10_000, leaseMs = LEASE_MS): ClaimRequest => ({
  handler,
  events,
  bytes: 2 ** 40,
  leaseMs,
})

/** What became of some events of a run. */
export function partOf(
  run: Pick<OpenRun, 'run' | 'handler' | 'fence' | 'batch'>,
  { done = [], failed = [], isGivenBack = false }: Partial<RunProgress>,
): RunProgress {
  const { run: number, handler, fence, batch } = run
  const doneMs = done.map(() => TOOK_MS)
  return { run: number, handler, fence, batch: batch.seq, done, doneMs, failed, isGivenBack }
}

/** All the open events of the run, or these of them, ended in the same way. */
export function progressOf(
  run: OpenRun,
  outcome: Outcome,
  events: readonly number[] = eventsOf(run),
): RunProgress {
  const { kind } = outcome
  if (kind === 'done') return partOf(run, { done: events })
  if (kind === 'released') return partOf(run, { isGivenBack: true })
  const failed = events.map((event) => ({ event, durationMs: TOOK_MS, outcome }))
  return partOf(run, { failed })
}

/** The bytes of its events, as text. */
export function textsOf({ body, events }: OpenRun): string[] {
  const bytes = Buffer.from(body)
  return events.map((event) => bytes.subarray(event.start, event.start + event.bytes).toString())
}

export const eventsOf = (run: OpenRun): number[] => run.events.map(({ event }) => event)

export const endedJob = (
  { event, handler, fence }: Pick<ClaimedJob, 'event' | 'handler' | 'fence'>,
  outcome: Outcome,
): EndedJob => ({ event, handler, fence, durationMs: TOOK_MS, outcome })
