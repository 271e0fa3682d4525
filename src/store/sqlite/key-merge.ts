import type { Database, Statement } from './driver.ts'
import { type Entries, encodeEntries, hashOf, pageShape } from './key-entries.ts'
import { createFilterRows, KeyFilter, ROWS } from './key-filter.ts'
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
