import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** How keys lie in memory and on disk: four words each (as this machine orders bytes), beside each its event. */
export const KEY_BYTES = 16

/** Of an SQLite page of 4,096, what a row's blob can have without a second page. */
const PAGE_BYTES = 4_057
const TAIL_BYTES = 8

/**
 * Where a key stands in a segment: 32 bits of all its 128, so that ids that share their first bytes
 * (UUIDv7) or their last (v1) spread evenly. Kept on disk by what it orders: never change it.
 */
export function hashOf(words: Uint32Array, at: number): number {
  let hash = words[at] as number
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) ^ (words[at + 1] as number)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ (words[at + 2] as number)
  hash = Math.imul(hash ^ (hash >>> 16), 0x27d4eb2f) ^ (words[at + 3] as number)
  hash = Math.imul(hash ^ (hash >>> 15), 0x165667b1)
  hash = Math.imul(hash ^ (hash >>> 13), 0x9e3779b1)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The keys as words: the same memory where it lies on whole words, else a copy. */
export function wordsOf(keys: Uint8Array): Uint32Array {
  const aligned = keys.byteOffset % 4 === 0 ? keys : new Uint8Array(keys)
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2)
}

/** Keys one behind the other, and beside each its event. */
export interface Entries {
  readonly count: number
  readonly words: Uint32Array
  readonly events: Float64Array
}

/** Between which events lie those of a block, or of a segment. */
export interface EventRange {
  readonly firstEvent: number
  readonly lastEvent: number
}

/** How many bytes tell an event of these, and how many entries fill a page. */
export function pageShape({ firstEvent, lastEvent }: EventRange) {
  let eventBytes = 1
  while (256 ** eventBytes <= lastEvent - firstEvent) eventBytes++
  return { eventBytes, capacity: Math.floor((PAGE_BYTES - TAIL_BYTES) / (KEY_BYTES + eventBytes)) }
}

/**
 * Keys, for each event how far behind the first it is, the upper bound, a checksum. A row of key_pages
 * has the keys with hashes from `from` on and below `until`, a row of key_blocks any.
 */
export function encodeEntries(
  { words, events }: { readonly words: Uint32Array; readonly events: ArrayLike<number> },
  range: EventRange,
  { from = 0, until = 0 } = {},
): Buffer {
  const { eventBytes } = pageShape(range)
  let at = words.byteLength
  const row = Buffer.allocUnsafe(at + events.length * eventBytes + TAIL_BYTES)
  row.set(new Uint8Array(words.buffer, words.byteOffset, at))
  for (let index = 0; index < events.length; index++) {
    let rest = (events[index] as number) - range.firstEvent
    for (let byte = 0; byte < eventBytes; byte++) {
      row[at++] = rest % 256
      rest = Math.floor(rest / 256)
    }
  }
  // The end of the last page is 2^32, of which 0 is left.
  at = row.writeUInt32LE(until >>> 0, at)
  row.writeUInt32LE(crc32(row.subarray(0, at), from), at)
  return row
}

/** A row as it lies on disk. */
export interface KeyRow {
  readonly count: number
  readonly words: Uint32Array
  /** Of a page: the hash at which the next one begins; 2^32 for the last. */
  readonly until: number
  eventAt(index: number): number
}

/** Undefined when the checksum tells of damage. */
export function openRow(row: Uint8Array, range: EventRange, from = 0): KeyRow | undefined {
  const end = row.length - 4
  if (end < 4 || crc32(row.subarray(0, end), from) !== readWord(row, end)) return
  const { eventBytes } = pageShape(range)
  const count = Math.floor((end - 4) / (KEY_BYTES + eventBytes))
  return {
    count,
    words: wordsOf(row.subarray(0, count * KEY_BYTES)),
    until: readWord(row, end - 4) || 2 ** 32,
    eventAt(index) {
      const first = count * KEY_BYTES + index * eventBytes
      let offset = 0
      for (let at = first + eventBytes - 1; at >= first; at--) {
        offset = offset * 256 + (row[at] as number)
      }
      return range.firstEvent + offset
    },
  }
}

/** The newest event of a key at or above the floor, or -1. All are compared: that is faster than to halve by hashes. */
export function findIn(row: KeyRow, words: Uint32Array, at: number, floor = 0): number {
  const own = row.words
  let found = -1
  for (let base = 0; base < own.length; base += 4) {
    if (
      own[base] === words[at] &&
      own[base + 1] === words[at + 1] &&
      own[base + 2] === words[at + 2] &&
      own[base + 3] === words[at + 3]
    ) {
      const event = row.eventAt(base / 4)
      if (event >= floor && event > found) found = event
    }
  }
  return found
}

/** All of a row. */
export function entriesOf({ count, words, eventAt }: KeyRow): Entries {
  const events = new Float64Array(count)
  for (let index = 0; index < count; index++) events[index] = eventAt(index)
  return { count, words, events }
}

/** Between which events they lie. */
export function rangeOf(events: ArrayLike<number>, count = events.length): EventRange {
  let firstEvent = Number.POSITIVE_INFINITY
  let lastEvent = 0
  for (let index = 0; index < count; index++) {
    firstEvent = Math.min(firstEvent, events[index] as number)
    lastEvent = Math.max(lastEvent, events[index] as number)
  }
  return { firstEvent, lastEvent }
}

export const readWord = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true)

/** Links have 16 bits, of which 0 is none. */
export const MOST_TABLE_ENTRIES = 65_535

const SEEDS = Int32Array.from({ length: 9 }, () => randomInt(2 ** 32))

/**
 * 17 bits. Of any two keys, whoever chose them, the chance to share a slot is 2^-17 while the seeds
 * are unknown: multilinear hashing of halves of words, its upper bits (Lemire and Kaser, "Strongly
 * universal string hashing is fast"). A mix like Murmur's has collisions for every seed.
 */
export function slotOf(words: Uint32Array, at: number): number {
  let sum = SEEDS[8] as number
  for (let word = 0; word < 4; word++) {
    const value = words[at + word] as number
    // Cut to 32 bits after each step, so that all stays in whole numbers.
    sum = (sum + Math.imul(SEEDS[word * 2] as number, value & 0xffff)) | 0
    sum = (sum + Math.imul(SEEDS[word * 2 + 1] as number, value >>> 16)) | 0
  }
  return sum >>> 15
}

/**
 * Recent keys in memory, 30 bytes each: entries in order of arrival, and for each slot the newest of
 * a chain. Chains rather than open addressing: what was added last is taken out again by setting
 * back the heads.
 */
export class KeyTable implements Entries {
  readonly capacity: number
  /** Number of the first block whose keys are here. */
  readonly firstBlock: number
  count = 0
  readonly words: Uint32Array
  readonly events: Float64Array
  readonly #heads: Uint16Array
  readonly #links: Uint16Array
  readonly #mask: number

  constructor(capacity: number, firstBlock: number) {
    if (capacity > MOST_TABLE_ENTRIES) throw new RangeError(`${capacity} keys are too many at once`)
    this.capacity = capacity
    this.firstBlock = firstBlock
    this.words = new Uint32Array(capacity * 4)
    this.events = new Float64Array(capacity)
    const slots = Math.min(2 ** Math.ceil(Math.log2(capacity * 2)), 2 ** 17)
    this.#heads = new Uint16Array(slots)
    this.#links = new Uint16Array(capacity)
    this.#mask = slots - 1
  }

  /** `events` beside `words`; they must fit. */
  add(words: Uint32Array, events: ArrayLike<number>): void {
    this.words.set(words, this.count * 4)
    this.events.set(events, this.count)
    for (let added = 0; added < events.length; added++) {
      const slot = slotOf(words, added * 4) & this.#mask
      this.#links[this.count] = this.#heads[slot] as number
      this.#heads[slot] = ++this.count
    }
  }

  /** Takes out what was added behind the first `count`. */
  cut(count: number): void {
    while (this.count > count) {
      const index = --this.count
      this.#heads[slotOf(this.words, index * 4) & this.#mask] = this.#links[index] as number
    }
  }

  /** The newest event of a key at or above the floor, or -1. `slot` is the key's. */
  find(words: Uint32Array, at: number, slot: number, floor: number): number {
    const own = this.words
    let entry = this.#heads[slot & this.#mask] as number
    for (; entry > 0; entry = this.#links[entry - 1] as number) {
      const base = (entry - 1) * 4
      if (
        own[base] === words[at] &&
        own[base + 1] === words[at + 1] &&
        own[base + 2] === words[at + 2] &&
        own[base + 3] === words[at + 3]
      ) {
        const event = this.events[entry - 1] as number
        if (event >= floor) return event
      }
    }
    return -1
  }

  /** As those of a segment. */
  facts() {
    return { ...rangeOf(this.events, this.count), entries: this.count, missing: 0 }
  }

  /** All, in the order of their hashes, in one piece; sorted when it is asked, which takes 6 ms. */
  *walk(): Generator<Entries, number> {
    const { count } = this
    const order = new Float64Array(count)
    for (let index = 0; index < count; index++) {
      order[index] = hashOf(this.words, index * 4) * 2 ** 16 + index
    }
    order.sort()
    const words = new Uint32Array(count * 4)
    const events = new Float64Array(count)
    for (let place = 0; place < count; place++) {
      const index = (order[place] as number) & 0xffff
      events[place] = this.events[index] as number
      for (let word = 0; word < 4; word++) {
        words[place * 4 + word] = this.words[index * 4 + word] as number
      }
    }
    yield { count, words, events }
    return 0
  }
}
