import type { FindLookups } from '../archive/port.ts'
import { eventIdOf } from '../event-id.ts'
import { query, raw, sql } from '../steps.ts'
import type { UnpackedEvent } from '../store.ts'
import type { Database } from './driver.ts'

/** So many in a row leave little of the file's pages empty. */
const ENTRIES = 500
/** How far the events of a row may lie apart. */
const SPAN = eventIdOf(1_024, 0)
const HASH_BYTES = 3
const OFFSET_BYTES = 4

type Named = Pick<UnpackedEvent, 'recipient' | 'messageId'>

/** A row of `lookups`. */
interface LookupRow {
  readonly id: number
  last_event: number
  entries: number
  readonly recipients: Uint8Array
  readonly messages: Uint8Array
  readonly offsets: Uint8Array
}

/**
 * Keeps by which recipient and message events are found. All within a transaction, and nothing of it
 * in memory: what is rolled back is undone.
 */
export function createLookups(db: Database) {
  const sql = prepareStatements(db)

  function write({ id, last_event, entries, ...blobs }: LookupRow): void {
    const { recipients, messages, offsets } = blobs
    sql.write.run(id, last_event, entries, recipients, messages, offsets)
  }

  return {
    /** New events with their numbers; cheapest in the order of these. */
    add(ids: readonly number[], events: readonly Named[]): void {
      let row: LookupRow | undefined
      for (let index = 0; index < ids.length; index++) {
        const id = ids[index] as number
        const { recipient, messageId } = events[index] as Named
        if (recipient === undefined && messageId === undefined) continue
        if (!row || row.entries === ENTRIES || id < row.id || id >= row.id + SPAN) {
          if (row) write(row)
          row = (sql.selectFree.get(id, id - SPAN, ENTRIES) as LookupRow | undefined) ?? newRow(id)
        }
        const at = row.entries++
        putHash(row.recipients, at, recipient)
        putHash(row.messages, at, messageId)
        putOffset(row.offsets, at, id - row.id)
        row.last_event = Math.max(row.last_event, id)
      }
      if (row) write(row)
    },
    /** Events that are gone: nothing of theirs stays. */
    remove(events: readonly number[]): void {
      const gone = new Set(events)
      const sorted = Float64Array.from(gone).sort()
      for (let at = 0; at < sorted.length; ) {
        const first = sorted[at] as number
        while (at < sorted.length && (sorted[at] as number) < first + SPAN) at++
        const around = sql.selectAround.all(first - SPAN, sorted[at - 1] as number, first)
        for (const row of around as unknown as LookupRow[]) {
          if (!clear(row, gone)) continue
          if (isEmpty(row)) sql.remove.run(row.id)
          else write(row)
        }
      }
    },
  }
}

export type Lookups = ReturnType<typeof createLookups>

function prepareStatements(db: Database) {
  return {
    // The last of them that begins before the event.
    selectFree: db.prepare(
      `SELECT * FROM lookups
       WHERE id = (SELECT max(id) FROM lookups WHERE id <= ?) AND id > ? AND entries < ?`,
    ),
    selectAround: db.prepare('SELECT * FROM lookups WHERE id > ? AND id <= ? AND last_event >= ?'),
    write: db.prepare(
      `INSERT INTO lookups VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
         last_event = excluded.last_event, entries = excluded.entries,
         recipients = excluded.recipients, messages = excluded.messages, offsets = excluded.offsets`,
    ),
    remove: db.prepare('DELETE FROM lookups WHERE id = ?'),
  }
}

const newRow = (id: number): LookupRow => ({
  id,
  last_event: id,
  entries: 0,
  recipients: new Uint8Array(ENTRIES * HASH_BYTES),
  messages: new Uint8Array(ENTRIES * HASH_BYTES),
  offsets: new Uint8Array(ENTRIES * OFFSET_BYTES),
})

/** Answers whether one of them was there. */
function clear(row: LookupRow, gone: ReadonlySet<number>): boolean {
  const offsets = viewOf(row.offsets)
  let hasChanged = false
  for (let at = 0; at < row.entries; at++) {
    if (!gone.has(row.id + offsets.getUint32(at * OFFSET_BYTES))) continue
    row.recipients.fill(0, at * HASH_BYTES, (at + 1) * HASH_BYTES)
    row.messages.fill(0, at * HASH_BYTES, (at + 1) * HASH_BYTES)
    hasChanged = true
  }
  return hasChanged
}

const isEmpty = ({ recipients, messages }: LookupRow): boolean =>
  [recipients, messages].every((hashes) => hashes.every((byte) => byte === 0))

/** The events that may have this recipient, or this message: whoever asks compares the texts. */
export const findLookups: FindLookups = function* ({ recipient, messageId }, { from, before }) {
  const column = messageId === undefined ? 'recipients' : 'messages'
  const hash = Buffer.alloc(HASH_BYTES)
  putHash(hash, 0, messageId ?? recipient)
  // SQLite finds three bytes in 1,500 sooner than it hands these over.
  const rows = yield* query<{ id: number; hashes: Uint8Array; offsets: Uint8Array }>(
    sql`SELECT id, ${raw(column)} AS hashes, offsets FROM lookups
     WHERE id > ${from - SPAN} AND id < ${before} AND last_event >= ${from}
       AND instr(${raw(column)}, ${hash}) > 0`,
  )
  return rows.flatMap(({ id, hashes, offsets }) => {
    const view = viewOf(offsets)
    return placesOf(hashes, hash).map((at) => id + view.getUint32(at * OFFSET_BYTES))
  })
}

function placesOf(hashes: Uint8Array, hash: Buffer): number[] {
  const bytes = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength)
  const places: number[] = []
  for (let at = bytes.indexOf(hash); at >= 0; at = bytes.indexOf(hash, at + 1)) {
    if (at % HASH_BYTES === 0) places.push(at / HASH_BYTES)
  }
  return places
}

/** FNV-1a of the text, cut; never 0. Half a character, which SQLite replaces, is as its replacement. */
function hashOf(text: string | undefined): number {
  if (text === undefined) return 0
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    hash = Math.imul(hash ^ (unit >= 0xd800 && unit <= 0xdfff ? 0xfffd : unit), 0x01000193)
  }
  return (hash ^ (hash >>> 24)) & 0xffffff || 1
}

function putHash(hashes: Uint8Array, at: number, text: string | undefined): void {
  const hash = hashOf(text)
  hashes[at * HASH_BYTES] = hash >>> 16
  hashes[at * HASH_BYTES + 1] = hash >>> 8
  hashes[at * HASH_BYTES + 2] = hash
}

/** As a DataView would read it; one for each event would be garbage. */
function putOffset(offsets: Uint8Array, at: number, offset: number): void {
  offsets[at * OFFSET_BYTES] = offset >>> 24
  offsets[at * OFFSET_BYTES + 1] = offset >>> 16
  offsets[at * OFFSET_BYTES + 2] = offset >>> 8
  offsets[at * OFFSET_BYTES + 3] = offset
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
