import { findKeyFloor, HOUR_MS, type KeyMark } from '../believed-time.ts'
import { eventIdOf } from '../event-id.ts'
import type { Database } from './driver.ts'
import {
  type EventRange,
  encodeEntries,
  entriesOf,
  KeyTable,
  openRow,
  rangeOf,
  slotOf,
  wordsOf,
} from './key-entries.ts'
import type { Transactions } from './transactions.ts'

/**
 * A block takes what is added in its hour up to so many keys: they fit on the page of the file that an
 * addition writes anyway, and a start reads few rows where each batch has one event.
 */
const MOST_BLOCK_KEYS = 160

/** Each hour of receipt with its first and its last event: of blocks, and of what is in segments. */
const MARKS = `
  SELECT hour, min(first_event) AS first, max(last_event) AS last
  FROM (SELECT hour, first_event, last_event FROM key_marks
    UNION ALL SELECT hour, first_event, last_event FROM key_blocks)
  GROUP BY hour ORDER BY first`

/** Keeps what is known of the hours of blocks that are about to be removed. */
const FOLD = `
  INSERT INTO key_marks (hour, first_event, last_event)
  SELECT hour, min(first_event), max(last_event) FROM key_blocks
  WHERE id < ? AND last_event < ? GROUP BY hour
  ON CONFLICT (hour) DO UPDATE SET first_event = min(first_event, excluded.first_event),
    last_event = max(last_event, excluded.last_event)`

interface KeyBlock extends EventRange {
  readonly id: number
  readonly hour: number
  readonly keys: number
  readonly entries: Uint8Array
}

export interface PrunedKeys {
  /** How many at least. */
  readonly forgotten: number
  /** Every key that was forgotten was received before this; 0: none was. */
  readonly prunedThrough: number
}

/**
 * Keys in the order of their arrival, a row for each block of them, and by which of them all keys are
 * forgotten: those of events below the floor, the first event of any hour of receipt that is not old
 * yet, as far as hours can be believed. Nothing is kept in memory, so what the caller's transaction
 * undoes is undone here.
 */
export function openKeyBlocks(db: Database) {
  const readAll = db.prepare(
    'SELECT id, hour, keys, first_event AS firstEvent, last_event AS lastEvent, entries FROM key_blocks ORDER BY id',
  )
  const save = db.prepare(
    `INSERT OR REPLACE INTO key_blocks (id, hour, keys, first_event, last_event, entries)
     VALUES (?, ?, ?, ?, ?, ?)`,
  )
  const fold = db.prepare(FOLD)
  const remove = db.prepare('DELETE FROM key_blocks WHERE id < ? AND last_event < ? RETURNING keys')
  const readFloor = db.prepare(`SELECT n FROM counters WHERE name = 'key_floor'`)
  const saveFloor = db.prepare(
    `INSERT INTO counters (name, n) VALUES ('key_floor', ?)
     ON CONFLICT (name) DO UPDATE SET n = excluded.n`,
  )
  const readMarks = db.prepare(MARKS)
  const firstOpen = db.prepare('SELECT min(seq) AS seq FROM batches WHERE is_open = 1')
  const countMerged = db.prepare(
    `SELECT coalesce(sum(entries), 0) AS keys FROM key_segments
     WHERE last_event >= ? AND last_event < ?`,
  )
  // The newest stays: it tells through when keys were forgotten.
  const removeMarks = db.prepare('DELETE FROM key_marks WHERE last_event < ? AND hour <> ?')

  const floor = (): number => (readFloor.get() as { n: number } | undefined)?.n ?? 0

  function removeBlocks(firstKept: number, floor = Number.MAX_SAFE_INTEGER): number {
    fold.run(firstKept, floor)
    const removed = remove.all(firstKept, floor) as unknown as { keys: number }[]
    return removed.reduce((sum, { keys }) => sum + keys, 0)
  }

  return {
    /** A few megabytes: an iterator is not safe while others use the connection. */
    readAll: () => readAll.all() as unknown as readonly KeyBlock[],
    save(id: number, hour: number, words: Uint32Array, events: ArrayLike<number>): void {
      const range = rangeOf(events)
      const row = encodeEntries({ words, events }, range)
      save.run(id, hour, events.length, range.firstEvent, range.lastEvent, row)
    },
    /** Those before: their keys are in a segment. */
    removeBefore: (firstKept: number) => void removeBlocks(firstKept),
    /** Events below are forgotten. */
    floor,
    /** Moves the floor. Blocks below it are removed here, segments when keys are merged. */
    prune(receivedBefore: number): PrunedKeys {
      const before = floor()
      const marks = readMarks.all() as unknown as KeyMark[]
      // Batches are not always unpacked in their order: what one that waits will bring stays above.
      const { seq } = firstOpen.get() as { seq: number | null }
      const openFrom = seq === null ? undefined : eventIdOf(seq, 0)
      const found = findKeyFloor(marks, { receivedBefore, now: Date.now(), openFrom })
      const now = Math.max(found.before, before)
      if (now > before) saveFloor.run(now)
      const { keys: merged } = countMerged.get(before, now) as { keys: number }
      const forgotten = merged + removeBlocks(Number.MAX_SAFE_INTEGER, now)
      removeMarks.run(now, found.prunedThrough / HOUR_MS - 1)
      return { forgotten, prunedThrough: found.prunedThrough }
    },
  }
}

export interface RecentOptions {
  /** Told, once each, which keys damage took. */
  readonly onWarning: (text: string) => void
  /** Keys in a table in memory; at most, and by default, 65,535. */
  readonly tableEntries: number
}

/** Keys that are in no segment yet: in memory, and on disk as blocks in the order of their arrival. */
export class RecentKeys {
  readonly #blocks: ReturnType<typeof openKeyBlocks>
  readonly #onEnd: Transactions['onEnd']
  readonly #tableEntries: number
  /** The oldest first; the last takes what is added, the others are full. */
  readonly #tables: KeyTable[]
  /** The newest block: entries `from` on of the last table. None of a start before is added to. */
  #newest = { id: 0, hour: Number.NaN, from: 0 }

  constructor(
    blocks: ReturnType<typeof openKeyBlocks>,
    onEnd: Transactions['onEnd'],
    options: RecentOptions,
  ) {
    this.#blocks = blocks
    this.#onEnd = onEnd
    this.#tableEntries = options.tableEntries
    this.#tables = [new KeyTable(options.tableEntries, 1)]
    for (const { id, keys, entries, ...range } of blocks.readAll()) {
      const row = openRow(entries, range)
      if (row) this.#remember(id, row.words, entriesOf(row).events)
      else {
        options.onWarning(
          `The database is damaged: ${keys} deduplication keys of events ${range.firstEvent} to ${range.lastEvent} cannot be read. ` +
            'These events run again if they are sent again. Everything else goes on; check the disk.',
        )
      }
      this.#newest = { id, hour: Number.NaN, from: 0 }
    }
  }

  find(words: Uint32Array, at: number, floor: number): number {
    const slot = slotOf(words, at)
    for (let index = this.#tables.length - 1; index >= 0; index--) {
      const event = (this.#tables[index] as KeyTable).find(words, at, slot, floor)
      if (event >= 0) return event
    }
    return -1
  }

  /** Within a transaction, at most 65,535 keys. */
  add(keys: Uint8Array, events: readonly number[], receivedAt: number): void {
    const [tables, table, newest] = [this.#tables.length, this.#open, this.#newest]
    const { count } = table
    this.#onEnd((isKept) => {
      if (isKept) return
      this.#tables.splice(tables)
      table.cut(count)
      this.#newest = newest
    })
    const hour = Math.floor(receivedAt / HOUR_MS)
    const end = count + events.length
    const isAdded =
      hour === newest.hour && end <= newest.from + MOST_BLOCK_KEYS && end <= table.capacity
    const id = isAdded ? newest.id : newest.id + 1
    this.#remember(id, wordsOf(keys), events)
    const open = this.#open
    const from = isAdded ? newest.from : open.count - events.length
    this.#newest = { id, hour, from }
    const words = open.words.subarray(from * 4, open.count * 4)
    this.#blocks.save(id, hour, words, open.events.subarray(from, open.count))
  }

  /** The oldest tables, once there are so many that are full. */
  full(tables: number): readonly KeyTable[] {
    return this.#tables.length > tables ? this.#tables.slice(0, tables) : []
  }

  /** Their keys are in a segment of the same transaction. */
  leave({ length }: readonly KeyTable[]): void {
    this.#blocks.removeBefore((this.#tables[length] as KeyTable).firstBlock)
    this.#onEnd((isKept) => void (isKept && this.#tables.splice(0, length)))
  }

  get #open(): KeyTable {
    return this.#tables.at(-1) as KeyTable
  }

  /** A block lies in one table whole, so that tables and the blocks they stand for go together. */
  #remember(block: number, words: Uint32Array, events: ArrayLike<number>): void {
    if (this.#open.count + events.length > this.#open.capacity) {
      const entries = Math.max(this.#tableEntries, events.length)
      this.#tables.push(new KeyTable(entries, block))
    }
    this.#open.add(words, events)
  }
}
