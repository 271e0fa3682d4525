import { findKeyFloor, HOUR_MS, type KeyMark } from '../believed-time.ts'
import { eventIdOf } from '../event-id.ts'
import type { Database } from './driver.ts'
import { decodeEntries, type EventRange, encodeEntries, rangeOf, wordsOf } from './key-entries.ts'
import { type KeyQuery, KeyTable, slotOf } from './key-table.ts'

/** Each hour of receipt with its first and its last event: of blocks, and of what is in segments. */
const MARKS = `
  SELECT hour, min(first_event) AS first, max(last_event) AS last
  FROM (SELECT hour, first_event, last_event FROM key_marks
    UNION ALL SELECT hour, first_event, last_event FROM key_blocks WHERE hour IS NOT NULL)
  GROUP BY hour ORDER BY first`

const REMOVED = 'id BETWEEN ? AND ? AND last_event < ?'

/** Keeps what is known of the hours of blocks that are about to be removed. */
const FOLD = `
  INSERT INTO key_marks (hour, first_event, last_event)
  SELECT hour, min(first_event), max(last_event) FROM key_blocks
  WHERE ${REMOVED} AND hour IS NOT NULL GROUP BY hour
  ON CONFLICT (hour) DO UPDATE SET first_event = min(first_event, excluded.first_event),
    last_event = max(last_event, excluded.last_event)`

interface KeyBlock extends EventRange {
  readonly id: number
  readonly keys: number
  readonly entries: Uint8Array
}

export interface PrunedKeys {
  /** How many at least. */
  readonly forgotten: number
  /** Every key that was forgotten was received before this; undefined: none was. */
  readonly prunedThrough: number | undefined
}

/**
 * Keys in the order of their arrival, a row for each block of them, and by which of them all keys are
 * forgotten: those of events below the floor, the first event of any hour of receipt that is not old
 * yet, as far as hours can be believed. Nothing is kept in memory, so what the caller's transaction
 * undoes is undone here.
 */
export function openKeyBlocks(db: Database) {
  const readAll = db.prepare(
    'SELECT id, keys, first_event AS firstEvent, last_event AS lastEvent, entries FROM key_blocks ORDER BY id',
  )
  const insert = db.prepare(
    `INSERT INTO key_blocks (id, hour, keys, first_event, last_event, entries)
     VALUES (?, ?, ?, ?, ?, ?)`,
  )
  const fold = db.prepare(FOLD)
  const remove = db.prepare(`DELETE FROM key_blocks WHERE ${REMOVED} RETURNING keys`)
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

  function removeBlocks(first: number, last: number, before = Number.MAX_SAFE_INTEGER): number {
    fold.run(first, last, before)
    const removed = remove.all(first, last, before) as unknown as { keys: number }[]
    return removed.reduce((sum, { keys }) => sum + keys, 0)
  }

  /** Moves the floor. Blocks below it are removed here, segments when keys are merged. */
  function prune(receivedBefore: number): PrunedKeys {
    const before = floor()
    const marks = readMarks.all() as unknown as KeyMark[]
    // Batches are not always unpacked in their order: what one that waits will bring stays above.
    const { seq } = firstOpen.get() as { seq: number | null }
    const openFrom = seq === null ? undefined : eventIdOf(seq, 0)
    const found = findKeyFloor(marks, { receivedBefore, now: Date.now(), openFrom })
    const now = Math.max(found.before, before)
    if (now > before) saveFloor.run(now)
    const { keys: merged } = countMerged.get(before, now) as { keys: number }
    const forgotten = merged + removeBlocks(0, Number.MAX_SAFE_INTEGER, now)
    removeMarks.run(now, found.prunedThrough / HOUR_MS - 1)
    return { forgotten, prunedThrough: found.prunedThrough || undefined }
  }

  return {
    /** A few megabytes: an iterator is not safe while others use the connection. */
    readAll: () => readAll.all() as unknown as readonly KeyBlock[],
    /** `receivedAt` is undefined for keys of which all that is known of their hours is kept already. */
    insert(
      id: number,
      receivedAt: number | undefined,
      { words, events }: { readonly words: Uint32Array; readonly events: ArrayLike<number> },
    ): void {
      const hour = receivedAt === undefined ? null : Math.floor(receivedAt / HOUR_MS)
      const range = rangeOf(events)
      const row = encodeEntries({ count: events.length, words, events }, range)
      insert.run(id, hour, events.length, range.firstEvent, range.lastEvent, row)
    },
    remove: removeBlocks,
    /** Events below are forgotten. */
    floor,
    prune,
  }
}

export type KeyBlocks = ReturnType<typeof openKeyBlocks>

export interface RecentOptions {
  /** Told, once each, which keys damage took. */
  readonly onWarning: (text: string) => void
  /** Keys in a table in memory; at most, and by default, 65,535. */
  readonly tableEntries: number
  /** Default 1,024: so many blocks of a table are joined, or a start would read a row for each event. */
  readonly looseBlocks: number
}

/** Keys that are in no segment yet: in memory, and on disk as blocks in the order of their arrival. */
export class RecentKeys {
  readonly #blocks: KeyBlocks
  readonly #options: RecentOptions
  /** The oldest first; the last takes what is added, the others are full. */
  readonly #tables: KeyTable[]
  #nextBlock = 1

  constructor(blocks: KeyBlocks, options: RecentOptions) {
    this.#blocks = blocks
    this.#options = options
    this.#tables = [new KeyTable(options.tableEntries, 1)]
    for (const { id, keys, entries, ...row } of blocks.readAll()) {
      const block = decodeEntries(entries, row)
      if (block) this.#remember(id, block.words, block.events)
      else {
        this.#nextBlock = id + 1
        options.onWarning(
          `The database is damaged: ${keys} deduplication keys of events ${row.firstEvent} to ${row.lastEvent} cannot be read. ` +
            'These events run again if they are sent again. Everything else goes on; check the disk.',
        )
      }
    }
  }

  find(query: KeyQuery): void {
    const slots = new Uint32Array(query.found.length)
    for (let asked = 0; asked < slots.length; asked++) slots[asked] = slotOf(query.words, asked * 4)
    for (let index = this.#tables.length - 1; index >= 0; index--) {
      this.#tables[index]?.find(query, slots)
    }
  }

  /** One block, of at most 65,535 keys. Answers how to undo it in memory. */
  add(keys: Uint8Array, events: readonly number[], receivedAt: number): { undo(): void } {
    const table = this.#open
    const { count } = table
    const block = this.#nextBlock
    // The row first: what fails there has not touched memory.
    const words = wordsOf(keys)
    this.#blocks.insert(block, receivedAt, { words, events })
    this.#remember(block, words, events)
    const undo = (): void => {
      if (!this.#tables.includes(table)) return
      while (this.#open !== table) this.#tables.pop()
      table.cut(count)
      this.#nextBlock = Math.min(this.#nextBlock, block)
    }
    return { undo }
  }

  /** The oldest tables, once there are so many that are full. */
  full(tables: number): readonly KeyTable[] {
    return this.#tables.length > tables ? this.#tables.slice(0, tables) : []
  }

  /** Their keys are in a segment of the same transaction. Answers what to do once that is kept. */
  leave(tables: readonly KeyTable[]): () => void {
    this.#blocks.remove(0, (this.#tables[tables.length] as KeyTable).firstBlock - 1)
    return () => this.#tables.splice(0, tables.length)
  }

  get hasLooseBlocks(): boolean {
    return this.#nextBlock - this.#open.looseBlock >= this.#options.looseBlocks
  }

  joinBlocks(): () => void {
    const table = this.#open
    const last = this.#nextBlock - 1
    this.#blocks.remove(table.looseBlock, last)
    const words = table.words.subarray(table.looseEntry * 4, table.count * 4)
    const events = table.events.subarray(table.looseEntry, table.count)
    if (events.length > 0) this.#blocks.insert(last, undefined, { words, events })
    return () => {
      table.looseBlock = this.#nextBlock
      table.looseEntry = table.count
    }
  }

  get #open(): KeyTable {
    return this.#tables.at(-1) as KeyTable
  }

  /** A block lies in one table whole, so that tables and the blocks they stand for go together. */
  #remember(block: number, words: Uint32Array, events: ArrayLike<number>): void {
    if (this.#open.count + events.length > this.#open.capacity) {
      const entries = Math.max(this.#options.tableEntries, events.length)
      this.#tables.push(new KeyTable(entries, block))
    }
    this.#open.add(words, events)
    this.#nextBlock = block + 1
  }
}
