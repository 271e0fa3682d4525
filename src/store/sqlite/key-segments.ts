import type { Database, Statement } from './driver.ts'
import {
  decodeEntries,
  type Entries,
  type EventRange,
  findIn,
  hashOf,
  type KeyRow,
  traitOf,
  wordsOf,
} from './key-entries.ts'
import { createFilterRows, type KeyFilter, ROWS } from './key-filter.ts'
import { openKeyBlocks } from './key-recent.ts'
import type { KeyQuery } from './key-table.ts'

export interface SegmentFacts extends EventRange {
  readonly id: number
  readonly level: number
  readonly entries: number
  /** Keys that damage took. */
  readonly missing: number
}

/** Keys in the order of their hashes, on disk; in memory only their filter. */
export interface KeySegment extends SegmentFacts {
  readonly filter: KeyFilter
}

interface PageRow {
  readonly id: number
  readonly entries: Uint8Array
}

/** In a segment, the page that begins at the hash of a key or at the next one before. */
const SELECT_PAGE =
  'SELECT id, entries FROM key_pages WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1'
const SELECT_NEXT = 'SELECT id, entries FROM key_pages WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1'

/** Undefined: it is damaged. */
const decodeRow = ({ id, entries }: PageRow, segment: EventRange): KeyRow | undefined =>
  decodeEntries(entries, segment, id % ROWS)

/** The pages of all segments. Of what is damaged in a segment it speaks once. */
export class KeyPages {
  readonly #notAfter: Statement
  readonly #notBefore: Statement
  readonly #onWarning: (text: string) => void
  readonly #told = new Set<number>()

  constructor(db: Database, onWarning: (text: string) => void) {
    this.#notAfter = db.prepare(SELECT_PAGE)
    this.#notBefore = db.prepare(SELECT_NEXT)
    this.#onWarning = onWarning
  }

  /** What was not found before; the newest of `segments` come first. */
  find(segments: readonly KeySegment[], { words, found, floor }: KeyQuery): void {
    const hashes = new Uint32Array(found.length)
    const traits = new Int32Array(found.length)
    for (let index = 0; index < hashes.length; index++) {
      hashes[index] = hashOf(words, index * 4)
      traits[index] = traitOf(words, index * 4)
    }
    for (const segment of segments) {
      const { filter } = segment
      for (let index = 0; index < hashes.length; index++) {
        const hash = hashes[index] as number
        if ((found[index] as number) >= 0 || !filter.mayHave(hash, traits[index] as number))
          continue
        const page = this.#readPage(segment, hash)
        if (page) found[index] = findIn(page, words, index * 4, floor)
      }
    }
  }

  /** Those that can be read, in the order of hashes; answers how many keys cannot. */
  *walk(segment: SegmentFacts): Generator<KeyRow, number> {
    const first = segment.id * ROWS
    let missing = segment.entries
    for (let from = first; ; ) {
      const row = this.#notBefore.get(from, first + ROWS - 1) as PageRow | undefined
      if (!row) break
      const page = decodeRow(row, segment)
      missing -= page?.count ?? 0
      if (page) yield page
      from = row.id + 1
    }
    this.tell(segment, missing)
    return missing
  }

  tell(segment: SegmentFacts, missing: number): void {
    if (missing === 0 || this.#told.has(segment.id)) return
    this.#told.add(segment.id)
    this.#onWarning(
      `The database is damaged: of the ${segment.entries} deduplication keys in segment ${segment.id}, ` +
        `up to ${missing} cannot be read. Events that have them run again if they are sent again. ` +
        'Everything else goes on; check the disk.',
    )
  }

  /** The one for keys of this hash; undefined: it is damaged or gone. */
  #readPage(segment: SegmentFacts, hash: number): KeyRow | undefined {
    const first = segment.id * ROWS
    const row = this.#notAfter.get(first, first + hash) as PageRow | undefined
    const page = row && decodeRow(row, segment)
    if (page && hash < page.until) return page
    // To count what is missing takes reading all that is not.
    if (!this.#told.has(segment.id)) for (const _ of this.walk(segment));
    return undefined
  }
}

/** All that are whole, the newest first. */
function readSegments(db: Database): (SegmentFacts & { readonly blocks: number })[] {
  return db
    .prepare(
      `SELECT id, level, entries, first_event AS firstEvent, last_event AS lastEvent, missing,
         filter_blocks AS blocks
       FROM key_segments ORDER BY last_event DESC`,
    )
    .all() as unknown as (SegmentFacts & { blocks: number })[]
}

/** With their filters, and the numbers of those of which only pages or filters are there. */
export function openSegments(db: Database, pages: KeyPages) {
  const filters = createFilterRows(db)
  const segments = readSegments(db).map(({ blocks, ...facts }): KeySegment => {
    pages.tell(facts, facts.missing)
    return { ...facts, filter: filters.load(facts.id, blocks, () => pages.walk(facts)) }
  })
  const whole = new Set(segments.map(({ id }) => id))
  const found = new Set([...numbersIn(db, 'key_pages'), ...numbersIn(db, 'key_filters')])
  return { segments, leftOver: [...found].filter((id) => !whole.has(id)) }
}

/** The segments that a table has rows of: one probe for each. */
function numbersIn(db: Database, table: 'key_pages' | 'key_filters'): number[] {
  const next = db.prepare(`SELECT id FROM ${table} WHERE id >= ? ORDER BY id LIMIT 1`)
  const numbers: number[] = []
  for (let from = 0; ; ) {
    const row = next.get(from) as { id: number } | undefined
    if (!row) return numbers
    const number = Math.floor(row.id / ROWS)
    numbers.push(number)
    from = (number + 1) * ROWS
  }
}

type Query = <Row>(sql: string, values?: readonly unknown[]) => readonly Row[]

/** A few megabytes at most: what is older has become a segment. */
const SELECT_BLOCKS = `
  SELECT first_event AS "firstEvent", last_event AS "lastEvent", entries FROM key_blocks ORDER BY id DESC`

const SELECT_SEGMENTS = `
  SELECT id, first_event AS firstEvent, last_event AS lastEvent FROM key_segments ORDER BY id DESC`

/** Finds the events of keys for a reader, who has no table of the recent ones in memory. */
export function createKeyFinder(query: Query): (keys: readonly Uint8Array[]) => number[] {
  function findInBlocks(key: Uint32Array): number[] {
    return query<EventRange & { entries: Uint8Array }>(SELECT_BLOCKS).map((row) => {
      const block = decodeEntries(row.entries, row)
      return block ? findIn(block, key, 0) : -1
    })
  }

  function findInSegments(key: Uint32Array): number[] {
    const segments = query<EventRange & { id: number }>(SELECT_SEGMENTS)
    return segments.map((segment) => {
      const first = segment.id * ROWS
      const range = [first, first + hashOf(key, 0)]
      const [row] = query<{ id: number; entries: Uint8Array }>(SELECT_PAGE, range)
      const page = row && decodeRow(row, segment)
      return page ? findIn(page, key, 0) : -1
    })
  }

  return (keys) => {
    const words = keys.map((key) => wordsOf(key))
    const found = words.flatMap((key) => [...findInBlocks(key), ...findInSegments(key)])
    return [...new Set(found)].filter((event) => event >= 0)
  }
}

/** All keys, in no order, the forgotten ones too; `onLost` hears how many cannot be read. */
export function* readAllKeys(db: Database, onLost: (keys: number) => void): Generator<Entries> {
  for (const row of openKeyBlocks(db).readAll()) {
    const block = decodeEntries(row.entries, row)
    if (block) yield block
    else onLost(row.keys)
  }
  const pages = new KeyPages(db, () => {})
  for (const segment of readSegments(db)) onLost(yield* pages.walk(segment))
}
