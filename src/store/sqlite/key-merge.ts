import type { Database, Statement } from './driver.ts'
import { type Entries, encodeEntries, hashOf, pageShape, traitOf } from './key-entries.ts'
import { createFilterRows, KeyFilter, ROWS } from './key-filter.ts'
import type { KeySegment, SegmentFacts } from './key-segments.ts'

/** How often the clock is asked: some 30 µs of work. */
const ENTRIES_PER_LOOK = 256

/** Entries in the order of their hashes, some at a time; at its end, how many could not be read. */
export type KeySource = Iterator<Entries, number>

const NOTHING: Entries = { count: 0, words: new Uint32Array(), events: new Float64Array() }

/**
 * Writes one segment from sources in order, as many entries as time allows in each step. Steps run
 * in transactions of the caller; when one fails, the merge is given up and begun anew under another
 * number, since what is in memory here would be ahead of the disk.
 */
export class KeyMerge {
  readonly id: number
  readonly #sources: readonly KeySource[]
  readonly #chunks: Entries[]
  readonly #places: number[]
  /** The hash of the next entry of each source. A scan of some sixteen is as fast as a heap. */
  readonly #heads: Float64Array
  readonly #floor: number
  readonly #writer: SegmentWriter
  #missing: number

  /** `plan` has what the sources have together; entries of events below the floor are left out. */
  constructor(db: Database, plan: SegmentFacts, sources: readonly KeySource[], floor: number) {
    this.id = plan.id
    this.#sources = sources
    this.#chunks = sources.map(() => NOTHING)
    this.#places = sources.map(() => -1)
    this.#heads = new Float64Array(sources.length).fill(-1)
    this.#floor = floor
    this.#writer = new SegmentWriter(db, plan)
    this.#missing = plan.missing
  }

  /** True when all is written and `finish` may be called. */
  step(isTimeUp: () => boolean): boolean {
    for (let taken = 1; ; taken++) {
      const source = this.#lowest()
      const head = this.#heads[source] as number
      if (head === Number.POSITIVE_INFINITY) return true
      if (head >= 0) this.#take(source, head)
      // A chunk may take milliseconds: a table is sorted for it.
      const isRead = this.#advance(source)
      if ((isRead || taken % ENTRIES_PER_LOOK === 0) && isTimeUp()) return false
    }
  }

  /** In the transaction of the last step; undefined when nothing was left to keep. */
  finish(): KeySegment | undefined {
    return this.#writer.finish(this.#missing)
  }

  #lowest(): number {
    const heads = this.#heads
    let lowest = 0
    for (let source = 1; source < heads.length; source++) {
      if ((heads[source] as number) < (heads[lowest] as number)) lowest = source
    }
    return lowest
  }

  #take(source: number, hash: number): void {
    const chunk = this.#chunks[source] as Entries
    const place = this.#places[source] as number
    if ((chunk.events[place] as number) >= this.#floor) this.#writer.add(chunk, place, hash)
  }

  /** Whether the next entry had to be read. */
  #advance(source: number): boolean {
    const chunk = this.#chunks[source] as Entries
    const place = (this.#places[source] as number) + 1
    this.#places[source] = place
    if (place < chunk.count) {
      this.#heads[source] = hashOf(chunk.words, place * 4)
      return false
    }
    const next = (this.#sources[source] as KeySource).next()
    if (next.done) {
      this.#heads[source] = Number.POSITIVE_INFINITY
      this.#missing += next.value
      return true
    }
    this.#chunks[source] = next.value
    this.#places[source] = -1
    return this.#advance(source) || true
  }
}

/** Pages as they fill, parts of the filter as they are passed, and the segment's own row at last. */
class SegmentWriter {
  readonly #plan: SegmentFacts
  readonly #insertPage: Statement
  readonly #insertSegment: Statement
  readonly #filters: ReturnType<typeof createFilterRows>
  readonly #filter: KeyFilter
  readonly #capacity: number
  /** Of the page. */
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
    this.#filter = new KeyFilter(KeyFilter.blocksFor(plan.entries, plan.level))
    this.#capacity = pageShape(plan).capacity
    this.#words = new Uint32Array(this.#capacity * 4)
    this.#events = new Float64Array(this.#capacity)
  }

  add({ words, events }: Entries, place: number, hash: number): void {
    // Entries of one hash stay on one page, however many: else a probe would have to look at two.
    if (this.#count >= this.#capacity && hash !== this.#lastHash) this.#endPage(hash)
    if (this.#count === this.#events.length) this.#grow()
    this.#lastHash = hash
    const at = place * 4
    const to = this.#count * 4
    this.#words[to] = words[at] as number
    this.#words[to + 1] = words[at + 1] as number
    this.#words[to + 2] = words[at + 2] as number
    this.#words[to + 3] = words[at + 3] as number
    this.#events[this.#count++] = events[place] as number
    this.#filter.add(hash, traitOf(words, at))
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
    const page = { count: this.#count, words: this.#words, events: this.#events }
    const row = encodeEntries(page, this.#plan, { from: this.#from, until })
    this.#insertPage.run(id * ROWS + this.#from, row)
    this.#entries += this.#count
    this.#count = 0
    this.#from = until
    for (const end = this.#filter.partsBelow(until); this.#parts < end; this.#parts++) {
      this.#filters.save(id, this.#filter, this.#parts)
    }
  }

  #grow(): void {
    const words = this.#words
    const events = this.#events
    this.#words = new Uint32Array(words.length * 2)
    this.#words.set(words)
    this.#events = new Float64Array(events.length * 2)
    this.#events.set(events)
  }
}
