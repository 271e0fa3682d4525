import type { UnpackedEvent, UnreadablePiece } from '../../model.ts'
import { type Fate, makeReceipt } from '../receipt.ts'
import type { ChunkReceipt, UnpackedChunk } from '../store.ts'
import { createCounters, createTypeCounters } from './counters.ts'
import type { Database } from './driver.ts'
import { createSeriesWrites } from './series.ts'

interface BatchRow {
  seq: number
  source: string
  provider: string
  received_at: number
}

type Verdict = Exclude<Fate, 'duplicate'>

/** Turns an unpacked part of a batch into keys, events, jobs and quarantine. */
export function createChunks(db: Database) {
  const counters = createCounters(db)
  const selectBatch = db.prepare(
    `SELECT seq, source, provider, received_at FROM batches
     WHERE id = ? AND unpacked_pieces = ? AND body IS NOT NULL`,
  )
  const advanceBatch = db.prepare(
    `UPDATE batches SET unpacked_pieces = ?, stored = stored + ?, duplicates = duplicates + ?,
       conflicts = conflicts + ?, stale = stale + ?, quarantined = quarantined + ? WHERE seq = ?`,
  )
  const closeBatch = db.prepare('UPDATE batches SET body = NULL WHERE seq = ?')
  const insertKey = db.prepare('INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?)')
  const selectDigest = db.prepare('SELECT digest FROM keys WHERE key = ?')
  const insertEvent = db.prepare('INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)')
  const insertJobs = db.prepare(
    `INSERT INTO jobs (event_id, handler, state, attempt, due_at)
     SELECT value, ?, 'pending', 0, ? FROM json_each(?)`,
  )
  const insertUnreadable = db.prepare(
    `INSERT INTO quarantine
       (id, batch_seq, source, reason, detail, position, pieces, byte_offset, received_at, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const typeCounters = createTypeCounters(db)
  const series = createSeriesWrites(db)

  /** Inserts the event's key; answers under which key and verdict it is stored, if it is new. */
  function judge(event: UnpackedEvent, id: number, receivedAt: number, prunedThrough: number) {
    if (insertKey.run(event.key, event.digest, id, receivedAt).changes === 1) {
      const isStale = event.occurredAt !== undefined && event.occurredAt < prunedThrough
      const verdict: Verdict = isStale
        ? 'stale'
        : event.handlers.length > 0
          ? 'dispatched'
          : 'unhandled'
      return { key: event.key, verdict }
    }
    const { digest } = selectDigest.get(event.key) as { digest: string }
    if (digest === event.digest) return undefined
    const key = `${event.key}~${event.digest}`
    if (insertKey.run(key, event.digest, id, receivedAt).changes === 0) return undefined
    return { key, verdict: 'conflict' as Verdict }
  }

  function store(event: UnpackedEvent, id: number, key: string, verdict: Verdict, batch: BatchRow) {
    insertEvent.run(
      id,
      batch.seq,
      event.position,
      batch.source,
      batch.provider,
      event.type,
      event.name ?? null,
      verdict,
      key,
      event.eventId ?? null,
      event.recipient ?? null,
      event.messageId ?? null,
      event.occurredAt ?? null,
      batch.received_at,
      event.payload,
    )
  }

  function storeEvents(events: readonly UnpackedEvent[], batch: BatchRow, now: number) {
    const fates: [type: string, fate: Fate][] = []
    const types = new Map<string, number>()
    const jobs = new Map<string, number[]>()
    const prunedThrough = counters.get('keys_pruned_through')
    let id = counters.get('last_event_id')
    for (const event of events) {
      const judged = judge(event, id + 1, batch.received_at, prunedThrough)
      fates.push([event.type, judged?.verdict ?? 'duplicate'])
      if (!judged) continue
      id++
      store(event, id, judged.key, judged.verdict, batch)
      if (judged.verdict === 'dispatched') {
        for (const handler of event.handlers) listOf(jobs, handler).push(id)
      }
      types.set(event.type, (types.get(event.type) ?? 0) + 1)
    }
    for (const [handler, ids] of jobs) insertJobs.run(handler, now, JSON.stringify(ids))
    counters.set('last_event_id', id)
    countTypes(types, batch.received_at)
    return fates
  }

  function countTypes(types: ReadonlyMap<string, number>, receivedAt: number): void {
    const counted = new Map<string, number>()
    for (const [type, n] of types) {
      const name = typeCounters.add(type, n)
      counted.set(name, (counted.get(name) ?? 0) + n)
    }
    series.count(receivedAt, counted)
  }

  function storeUnreadable(pieces: readonly UnreadablePiece[], batch: BatchRow): number {
    if (pieces.length === 0) return 0
    let quarantined = 0
    let id = counters.get('last_quarantine_id')
    for (const piece of pieces) {
      id++
      insertUnreadable.run(
        id,
        batch.seq,
        batch.source,
        piece.reason,
        piece.detail,
        piece.position,
        piece.pieces,
        piece.byteOffset,
        batch.received_at,
        piece.bytes,
      )
      quarantined += piece.pieces
    }
    counters.set('last_quarantine_id', id)
    return quarantined
  }

  /** Answers the receipt, and the batch's number once it is closed. */
  function commitChunk(
    chunk: UnpackedChunk,
    now: number,
  ): { receipt: ChunkReceipt; closed?: number } | undefined {
    const batch = selectBatch.get(chunk.batch, chunk.fromPiece) as BatchRow | undefined
    if (!batch) return undefined
    const fates = storeEvents(chunk.events, batch, now)
    const receipt = makeReceipt(fates, storeUnreadable(chunk.unreadable, batch))
    const { stored, duplicates, conflicts, stale, quarantined } = receipt
    advanceBatch.run(chunk.toPiece, stored, duplicates, conflicts, stale, quarantined, batch.seq)
    counters.add('events', stored + conflicts)
    counters.add('duplicates', duplicates)
    counters.add('conflict', conflicts)
    counters.add('stale', stale)
    counters.add('unhandled', fates.filter(([, fate]) => fate === 'unhandled').length)
    counters.add('quarantined', quarantined)
    if (!chunk.isLast) return { receipt }
    closeBatch.run(batch.seq)
    return { receipt, closed: batch.seq }
  }

  return { commitChunk }
}

function listOf(lists: Map<string, number[]>, name: string): number[] {
  const found = lists.get(name)
  if (found) return found
  const made: number[] = []
  lists.set(name, made)
  return made
}
