import { writeUuid } from '../../uuid.ts'
import { eventIdOf } from '../event-id.ts'
import type { UnpackedPage } from '../store.ts'
import type { Database } from './driver.ts'
import { KEY_BYTES } from './key-entries.ts'

/** A text in `event_rows`, or the number of a word that stands for it. */
type Stored = bigint | number | string

export function createWords(db: Database) {
  const rows = db.prepare('SELECT id, word FROM words').all() as { id: number; word: string }[]
  // A number would be stored as a real where a column has no type.
  const numbers = new Map(rows.map(({ id, word }) => [word, BigInt(id)]))
  const words = new Map<Stored, string>(rows.map(({ id, word }) => [id, word]))
  return {
    toStored: (text: string): Stored => numbers.get(text) ?? text,
    toText: (stored: Stored): string => words.get(stored) ?? String(stored),
  }
}

export type Words = ReturnType<typeof createWords>

/** Inserts the events of a page, within a transaction; answers their numbers. */
export function createEventRows(db: Database, words: Words): (page: UnpackedPage) => number[] {
  const insert = db.prepare('INSERT INTO event_rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const key = new Uint8Array(KEY_BYTES)
  const uuid = new Uint8Array(16)

  return ({ batch, events, keys }) => {
    const ids: number[] = []
    // No closure: V8 would compile it again after each full collection, see `PieceReader`.
    for (const event of events) {
      const id = eventIdOf(batch.seq, event.position)
      const { name, messageId } = event
      const keyAt = ids.length * KEY_BYTES
      for (let n = 0; n < KEY_BYTES; n++) key[n] = keys[keyAt + n] as number
      // `run` makes an object of what it did: a third of a microsecond for each event.
      insert.get(
        id,
        event.start,
        event.bytes,
        key,
        words.toStored(event.type),
        name === undefined ? null : words.toStored(name),
        event.isIdKey ? '' : (event.eventId ?? null),
        event.verdict === 'dispatched' ? null : event.verdict,
        event.twin ?? null,
        event.occurredAt ?? null,
        event.recipient ?? null,
        messageId !== undefined && writeUuid(messageId, uuid, 0) ? uuid : (messageId ?? null),
      )
      ids.push(id)
    }
    return ids
  }
}
