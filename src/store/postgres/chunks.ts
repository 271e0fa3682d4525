import type { UnreadablePiece } from '../../model.ts'
import { type Fate, makeReceipt } from '../receipt.ts'
import type { ChunkReceipt, UnpackedChunk } from '../store.ts'
import { addToCounters, createTypeNames, nameOfType } from './counters.ts'
import { NOW_MS } from './database-time.ts'
import { type JudgedEvent, judgeEvents, type Verdict } from './judge.ts'
import { addToSeries } from './series.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 20_000 }

interface BatchRow {
  seq: number
  source: string
  provider: string
  received_at: number
}

const LOCK_BATCH = `
  SELECT seq, source, provider, received_at FROM batches
  WHERE id = $1 AND unpacked_pieces = $2 AND body IS NOT NULL FOR UPDATE`

const ADVANCE_BATCH = `
  UPDATE batches SET unpacked_pieces = $2, stored = stored + $3, duplicates = duplicates + $4,
    conflicts = conflicts + $5, stale = stale + $6, quarantined = quarantined + $7,
    body = CASE WHEN $8 THEN NULL ELSE body END
  WHERE seq = $1`

/**
 * Payloads go as bytes, all in one: in a list, each of their many quotes would be escaped on our
 * side and unescaped on the other.
 */
const INSERT_EVENTS = `
  INSERT INTO events (batch_seq, source, provider, received_at, id, position, type, name, verdict,
    key, event_id, recipient, message_id, occurred_at, payload)
  SELECT $1, $2, $3, $4, id, position, type, name, verdict, key, event_id, recipient, message_id,
    occurred_at, convert_from(substring($5::bytea FROM start FOR bytes), 'UTF8')
  FROM unnest($6::bigint[], $7::integer[], $8::text[], $9::text[], $10::text[], $11::text[],
    $12::text[], $13::text[], $14::text[], $15::bigint[], $16::integer[], $17::integer[])
    AS e (id, position, type, name, verdict, key, event_id, recipient, message_id, occurred_at,
      start, bytes)`

const INSERT_JOBS = `
  INSERT INTO jobs (event_id, handler, state, attempt, due_at)
  SELECT event_id, handler, 'pending', 0, ${NOW_MS}
  FROM unnest($1::bigint[], $2::text[]) AS j (event_id, handler)`

const INSERT_UNREADABLE = `
  INSERT INTO quarantine
    (batch_seq, source, received_at, reason, detail, position, pieces, byte_offset, body)
  SELECT $1, $2, $3, * FROM unnest($4::text[], $5::text[], $6::integer[], $7::integer[],
    $8::integer[], $9::bytea[])`

/** Turns an unpacked part of a batch into keys, events, jobs and quarantine. */
export function createChunks(transactions: Transactions) {
  const nameTypes = createTypeNames()

  async function commit(query: Query, chunk: UnpackedChunk): Promise<ChunkReceipt | undefined> {
    const [batch] = await query<BatchRow>(LOCK_BATCH, [chunk.batch, chunk.fromPiece])
    if (!batch) return undefined
    const judged = await judgeEvents(query, chunk.events, batch.received_at)
    const receipt = makeReceipt(findFates(chunk, judged), countPieces(chunk))
    const nameType = await nameTypes(query, new Set(judged.map(({ event }) => event.type)))
    const types = countTypes(judged, nameType)
    const amounts = countChunk(receipt, judged, types)
    if (chunk.isLast) amounts.set('batches', 1)
    await Promise.all([
      insertEvents(query, judged, batch),
      insertJobs(query, judged),
      insertUnreadable(query, chunk.unreadable, batch),
      addToCounters(query, amounts),
      addToSeries(query, batch.received_at, types),
      query(ADVANCE_BATCH, [
        batch.seq,
        chunk.toPiece,
        receipt.stored,
        receipt.duplicates,
        receipt.conflicts,
        receipt.stale,
        receipt.quarantined,
        chunk.isLast,
      ]),
    ])
    return receipt
  }

  return {
    commitChunk: (chunk: UnpackedChunk) => transactions.run(PLAN, (query) => commit(query, chunk)),
  }
}

function findFates(
  { events }: UnpackedChunk,
  judged: readonly JudgedEvent[],
): (readonly [type: string, fate: Fate])[] {
  const verdicts = new Map(judged.map(({ event, verdict }) => [event, verdict]))
  return events.map((event) => {
    const fate = verdicts.get(event) ?? 'duplicate'
    // Should the very same come again, it is a duplicate.
    verdicts.delete(event)
    return [event.type, fate]
  })
}

function countPieces({ unreadable }: UnpackedChunk): number {
  return unreadable.reduce((sum, { pieces }) => sum + pieces, 0)
}

function countVerdict(judged: readonly JudgedEvent[], wanted: Verdict): number {
  return judged.filter(({ verdict }) => verdict === wanted).length
}

function countChunk(
  receipt: ChunkReceipt,
  judged: readonly JudgedEvent[],
  types: ReadonlyMap<string, number>,
): Map<string, number> {
  return new Map([
    ...[...types].map(([type, n]) => [nameOfType(type), n] as const),
    ['events', judged.length],
    ['duplicates', receipt.duplicates],
    ['conflict', receipt.conflicts],
    ['stale', receipt.stale],
    ['unhandled', countVerdict(judged, 'unhandled')],
    ['quarantined', receipt.quarantined],
  ])
}

/** By the name under which each type is counted. */
function countTypes(
  judged: readonly JudgedEvent[],
  nameType: (type: string) => string,
): Map<string, number> {
  const types = new Map<string, number>()
  for (const { event } of judged) {
    const type = nameType(event.type)
    types.set(type, (types.get(type) ?? 0) + 1)
  }
  return types
}

async function insertEvents(query: Query, judged: readonly JudgedEvent[], batch: BatchRow) {
  if (judged.length === 0) return
  const events = judged.map(({ event }) => event)
  const payloads = joinPayloads(events)
  await query(INSERT_EVENTS, [
    batch.seq,
    batch.source,
    batch.provider,
    batch.received_at,
    payloads.joined,
    judged.map(({ id }) => id),
    events.map(({ position }) => position),
    events.map(({ type }) => type),
    events.map(({ name }) => name),
    judged.map(({ verdict }) => verdict),
    judged.map(({ key }) => key),
    events.map(({ eventId }) => eventId),
    events.map(({ recipient }) => recipient),
    events.map(({ messageId }) => messageId),
    events.map(({ occurredAt }) => occurredAt),
    payloads.starts,
    payloads.bytes,
  ])
}

/** All payloads one behind the other, with the place of each, counted from 1. */
function joinPayloads(events: readonly { payload: string }[]) {
  const bytes = events.map(({ payload }) => Buffer.byteLength(payload))
  let end = 1
  const starts = bytes.map((length) => {
    end += length
    return end - length
  })
  return { joined: Buffer.from(events.map(({ payload }) => payload).join('')), starts, bytes }
}

async function insertJobs(query: Query, judged: readonly JudgedEvent[]) {
  const jobs = judged.flatMap(({ id, verdict, event }) =>
    verdict === 'dispatched' ? event.handlers.map((handler) => ({ id, handler })) : [],
  )
  if (jobs.length === 0) return
  await query(INSERT_JOBS, [jobs.map(({ id }) => id), jobs.map(({ handler }) => handler)])
}

async function insertUnreadable(
  query: Query,
  pieces: readonly UnreadablePiece[],
  batch: BatchRow,
): Promise<void> {
  if (pieces.length === 0) return
  await query(INSERT_UNREADABLE, [
    batch.seq,
    batch.source,
    batch.received_at,
    pieces.map(({ reason }) => reason),
    pieces.map(({ detail }) => detail),
    pieces.map(({ position }) => position),
    pieces.map((piece) => piece.pieces),
    pieces.map(({ byteOffset }) => byteOffset),
    pieces.map(({ bytes }) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  ])
}
