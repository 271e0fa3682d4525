import { crc32 } from 'node:zlib'
import type { Database, Statement } from './driver.ts'
import { type Entries, encodeEntries, hashOf, pageShape, readWord } from './key-entries.ts'
import type { KeySegment, SegmentFacts } from './key-segments.ts'

/** How often the clock is asked: some 30 µs of work. */
const ENTRIES_PER_LOOK = 256

/** Entries in the order of their hashes, some at a time; at its end, how many could not be read. */
type KeySource = Iterator<Entries, number>

const NOTHING: Entries = { count: 0, words: new Uint32Array(), events: new Float64Array() }

/**
 * Writes one segment from sources in order, and answers it; undefined when nothing was left to keep.
 * `plan` has what the sources have together; entries of events below the floor are left out. Stops
 * whenever time is up, so that the caller commits. What is in memory here is ahead of the disk once a
 * step was not kept: then all begins anew, under another number.
 */
export function* writeSegment(
  db: Database,
  plan: SegmentFacts,
  options: {
    readonly sources: readonly KeySource[]
    readonly floor: number
    readonly isTimeUp: () => boolean
  },
): Generator<undefined, KeySegment | undefined> {
  const { sources, floor, isTimeUp } = options
  const writer = new SegmentWriter(db, plan)
  const chunks = sources.map(() => NOTHING)
  const places = sources.map(() => 0)
  /** The hash of the next entry of each source; -1: it has to be read. */
  const heads = new Float64Array(sources.length).fill(-1)
  let { missing } = plan
  for (let taken = 1; ; taken++) {
    const source = lowestOf(heads)
    const head = heads[source] as number
    if (head === Number.POSITIVE_INFINITY) return writer.finish(missing)
    let chunk = chunks[source] as Entries
    let place = places[source] as number
    if (head >= 0) {
      if ((chunk.events[place] as number) >= floor) writer.add(chunk, place, head)
      place++
    }
    const isRead = place === chunk.count
    if (isRead) {
      const next = (sources[source] as KeySource).next()
      if (next.done) missing += next.value
      chunk = next.done ? NOTHING : next.value
      chunks[source] = chunk
      place = 0
    }
    places[source] = place
    heads[source] = chunk.count > 0 ? hashOf(chunk.words, place * 4) : Number.POSITIVE_INFINITY
    // A chunk may take milliseconds: a table is sorted for it.
    if ((isRead || taken % ENTRIES_PER_LOOK === 0) && isTimeUp()) yield
  }
}

/** A scan of some sixteen is as fast as a heap. */
function lowestOf(heads: Float64Array): number {
  let lowest = 0
  for (let index = 1; index < heads.length; index++) {
    if ((heads[index] as number) < (heads[lowest] as number)) lowest = index
  }
  return lowest
}

/** Pages as they fill, parts of the filter as they are passed, and the segment's own row at last. */
class SegmentWriter {
  readonly #plan: SegmentFacts
  readonly #insertPage: Statement
  readonly #insertSegment: Statement
  readonly #filters: ReturnType<typeof createFilterRows>
  readonly #filter: KeyFilter
  readonly #capacity: number
  /** Of the page, which begins at the hash `from`. */
  #words: Uint32Array
  #events: Float64Array
  #count = 0
  #from = 0
  #lastHash = -1
  #parts = 0
  #entries = 0

  constructor(db: Database, plan: SegmentFacts) {
    this.#plan = plan
    this.#insertPage = db.prepare('INSERT INTO key_pages (id, entries) VALUES (?, ?)')
    this.#insertSegment = db.prepare(
      `INSERT INTO key_segments (id, level, entries, first_event, last_event, filter_blocks, missing)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#filters = createFilterRows(db)
    this.#filter = new KeyFilter(
      KeyFilter.blocksFor(plan.entries, plan.level === 0 ? 'small' : 'large'),
    )
    this.#capacity = pageShape(plan).capacity
    this.#words = new Uint32Array(this.#capacity * 4)
    this.#events = new Float64Array(this.#capacity)
  }

  add({ words, events }: Entries, place: number, hash: number): void {
    // Entries of one hash stay on one page, however many: else a probe would have to look at two.
    if (this.#count >= this.#capacity && hash !== this.#lastHash) this.#endPage(hash)
    if (this.#count === this.#events.length) this.#grow()
    this.#lastHash = hash
    const [from, to] = [place * 4, this.#count * 4]
    for (let word = 0; word < 4; word++) this.#words[to + word] = words[from + word] as number
    this.#events[this.#count++] = events[place] as number
    this.#filter.add(hash)
  }

  finish(missing: number): KeySegment | undefined {
    if (this.#entries + this.#count === 0) return undefined
    this.#endPage(ROWS)
    const { id, level, firstEvent, lastEvent } = this.#plan
    const [entries, filter] = [this.#entries, this.#filter]
    this.#insertSegment.run(id, level, entries, firstEvent, lastEvent, filter.blocks, missing)
    return { id, level, entries, firstEvent, lastEvent, missing, filter }
  }

  #endPage(until: number): void {
    const { id } = this.#plan
    const words = this.#words.subarray(0, this.#count * 4)
    const events = this.#events.subarray(0, this.#count)
    const row = encodeEntries({ words, events }, this.#plan, { from: this.#from, until })
    this.#insertPage.run(id * ROWS + this.#from, row)
    this.#entries += this.#count
    this.#count = 0
    this.#from = until
    for (const end = this.#filter.partsBelow(until); this.#parts < end; this.#parts++) {
      this.#filters.save(id, this.#filter, this.#parts)
    }
  }
  #grow(): void {
    const [words, events] = [this.#words, this.#events]
    this.#words = new Uint32Array(words.length * 2)
    this.#words.set(words)
    this.#events = new Float64Array(events.length * 2)
    this.#events.set(events)
  }
}

/** Segments and their pages, or the parts of their filters: the upper and the lower half of a row's number. */
export const ROWS = 2 ** 32

/**
 * Bits an entry, of which 8 are tested. Of the keys that are not there 0.1 % cost a page in vain with
 * 16 bits, 0.4 % with 12. Small segments are many, so they have more.
 */
const ENTRY_BITS = { small: 16, large: 12 }
const BLOCK_WORDS = 16
const PART_WORDS = 1_024 * BLOCK_WORDS
/** Odd numbers, of Parquet's filters. */
const SALTS = new Int32Array([
  0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
])

/**
 * A Bloom filter in blocks of one cache line. The block of a key is where its hash stands among all,
 * so a filter is filled, and kept, from front to end as its segment is written; the upper bits of the
 * hash name the block, the lower ones tell the keys of a block apart.
 */
export class KeyFilter {
  readonly blocks: number
  readonly #words: Uint32Array
  readonly #scale: number

  constructor(blocks: number) {
    this.blocks = blocks
    this.#words = new Uint32Array(blocks * BLOCK_WORDS)
    this.#scale = blocks / 2 ** 32
  }

  static blocksFor(entries: number, size: keyof typeof ENTRY_BITS): number {
    return Math.max(Math.ceil((entries * ENTRY_BITS[size]) / (BLOCK_WORDS * 32)), 1)
  }

  /** Each test has two words of its own. Kept on disk by these bits: never change them. */
  add(hash: number): void {
    const block = ((hash * this.#scale) | 0) * BLOCK_WORDS
    const trait = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
    for (let test = 0; test < 8; test++) {
      const bit = Math.imul(trait, SALTS[test] as number) >>> 26
      const word = block + test * 2 + (bit >>> 5)
      this.#words[word] = (this.#words[word] as number) | (1 << (bit & 31))
    }
  }

  mayHave(hash: number): boolean {
    const block = ((hash * this.#scale) | 0) * BLOCK_WORDS
    const trait = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
    for (let test = 0; test < 8; test++) {
      const bit = Math.imul(trait, SALTS[test] as number) >>> 26
      const word = this.#words[block + test * 2 + (bit >>> 5)] as number
      if ((word & (1 << (bit & 31))) === 0) return false
    }
    return true
  }

  /** How many parts get no more bits once all keys below this hash are there. */
  partsBelow(hash: number): number {
    const words = Math.floor(hash * this.#scale) * BLOCK_WORDS
    return hash < ROWS ? Math.floor(words / PART_WORDS) : Math.ceil(words / PART_WORDS)
  }

  /** The memory itself. */
  part(part: number): Uint8Array {
    const words = this.#words.subarray(part * PART_WORDS, (part + 1) * PART_WORDS)
    return new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
  }
}

/** The rows of key_filters: each part with a checksum. */
export function createFilterRows(db: Database) {
  const select = db.prepare('SELECT bits FROM key_filters WHERE id = ?')
  const insert = db.prepare('INSERT OR REPLACE INTO key_filters (id, bits) VALUES (?, ?)')

  function save(segment: number, filter: KeyFilter, part: number): void {
    const bits = filter.part(part)
    const row = Buffer.allocUnsafe(bits.length + 4)
    row.set(bits)
    row.writeUInt32LE(crc32(bits), bits.length)
    insert.run(segment * ROWS + part, row)
  }

  function fill(segment: number, filter: KeyFilter, part: number): boolean {
    const row = select.get(segment * ROWS + part) as { bits: Uint8Array } | undefined
    const bits = row?.bits.subarray(0, -4)
    const memory = filter.part(part)
    if (!row || bits?.length !== memory.length) return false
    memory.set(bits)
    return crc32(bits) === readWord(row.bits, bits.length)
  }

  /** When a part of it is damaged, it is made anew from the segment's pages. */
  function load(segment: number, blocks: number, readPages: () => Iterable<Entries>): KeyFilter {
    const kept = new KeyFilter(blocks)
    const parts = Array.from({ length: kept.partsBelow(ROWS) }, (_, part) => part)
    if (parts.every((part) => fill(segment, kept, part))) return kept
    const made = new KeyFilter(blocks)
    for (const { count, words } of readPages()) {
      for (let at = 0; at < count * 4; at += 4) made.add(hashOf(words, at))
    }
    for (const part of parts) save(segment, made, part)
    return made
  }

  return { save, load }
}
