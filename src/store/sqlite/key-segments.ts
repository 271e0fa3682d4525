import { query, raw, type Steps, sql } from '../steps.ts'
import type { Database, Statement } from './driver.ts'
import {
  type Entries,
  type EventRange,
  entriesOf,
  findIn,
  hashOf,
  type KeyRow,
  openRow,
  wordsOf,
} from './key-entries.ts'
import { createFilterRows, type KeyFilter, ROWS } from './key-filter.ts'
import { openKeyBlocks } from './key-recent.ts'

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
const openPage = ({ id, entries }: PageRow, segment: EventRange): KeyRow | undefined =>
  openRow(entries, segment, id % ROWS)

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

  /** The event of a key at or above the floor, or -1; the newest of `segments` come first. */
  find(segments: readonly KeySegment[], words: Uint32Array, at: number, floor: number): number {
    const hash = hashOf(words, at)
    for (const segment of segments) {
      if (!segment.filter.mayHave(hash)) continue
      const page = this.#readPage(segment, hash)
      const event = page ? findIn(page, words, at, floor) : -1
      if (event >= 0) return event
    }
    return -1
  }

  /** Those that can be read, in the order of hashes; answers how many keys cannot. */
  *walk(segment: SegmentFacts): Generator<Entries, number> {
    const first = segment.id * ROWS
    let missing = segment.entries
    for (let from = first; ; ) {
      const row = this.#notBefore.get(from, first + ROWS - 1) as PageRow | undefined
      if (!row) break
      const page = openPage(row, segment)
      missing -= page?.count ?? 0
      if (page) yield entriesOf(page)
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
    const page = row && openPage(row, segment)
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

/** The numbers of segments that have pages, by one probe for each, and are not whole. */
const SELECT_LEFT_OVER = `
  WITH RECURSIVE numbers (n) AS (
    SELECT min(id) / ${ROWS} FROM key_pages
    UNION ALL
    SELECT (SELECT min(id) / ${ROWS} FROM key_pages WHERE id >= (n + 1) * ${ROWS})
    FROM numbers WHERE n IS NOT NULL)
  SELECT n FROM numbers WHERE n IS NOT NULL AND n NOT IN (SELECT id FROM key_segments)`

/** With their filters, and the numbers of those of which only pages are there. */
export function openSegments(db: Database, pages: KeyPages) {
  const filters = createFilterRows(db)
  const segments = readSegments(db).map(({ blocks, ...facts }): KeySegment => {
    pages.tell(facts, facts.missing)
    return { ...facts, filter: filters.load(facts.id, blocks, () => pages.walk(facts)) }
  })
  const leftOver = db.prepare(SELECT_LEFT_OVER).all() as { n: number }[]
  return { segments, leftOver: leftOver.map(({ n }) => n) }
}

/** A few megabytes at most: what is older has become a segment. */
const SELECT_BLOCKS = `
  SELECT first_event AS "firstEvent", last_event AS "lastEvent", entries FROM key_blocks ORDER BY id DESC`

const selectPages = (hash: number) => sql`
  SELECT s.first_event AS firstEvent, s.last_event AS lastEvent, p.id, p.entries
  FROM key_segments s JOIN key_pages p ON p.id = (SELECT max(id) FROM key_pages
    WHERE id BETWEEN s.id * ${raw(`${ROWS}`)} AND s.id * ${raw(`${ROWS}`)} + ${hash})`

/** Finds the events of keys for a reader, who has no table of the recent ones in memory. */
export function* findByKeys(keys: readonly Uint8Array[]): Steps<readonly number[]> {
  const found = new Set<number>()
  for (const key of keys) {
    const words = wordsOf(key)
    const blocks = yield* query<EventRange & { entries: Uint8Array }>(SELECT_BLOCKS)
    const pages = yield* query<EventRange & PageRow>(selectPages(hashOf(words, 0)))
    const rows = [
      ...blocks.map((row) => openRow(row.entries, row)),
      ...pages.map((row) => openPage(row, row)),
    ]
    for (const row of rows) found.add(row ? findIn(row, words, 0) : -1)
  }
  return [...found].filter((event) => event >= 0)
}

/** All keys, in no order, the forgotten ones too; `onLost` hears how many cannot be read. */
export function* readAllKeys(db: Database, onLost: (keys: number) => void): Generator<Entries> {
  for (const row of openKeyBlocks(db).readAll()) {
    const block = openRow(row.entries, row)
    if (block) yield entriesOf(block)
    else onLost(row.keys)
  }
  const pages = new KeyPages(db, () => {})
  for (const segment of readSegments(db)) onLost(yield* pages.walk(segment))
}
