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

/** Which bits of a filter's block stand for a key; tells nothing of `hashOf`. Kept on disk as well. */
export function traitOf(words: Uint32Array, at: number): number {
  let hash = words[at + 3] as number
  hash = Math.imul(hash ^ (hash >>> 15), 0xcc9e2d51) ^ (words[at + 1] as number)
  hash = Math.imul(hash ^ (hash >>> 14), 0x1b873593) ^ (words[at] as number)
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d) ^ (words[at + 2] as number)
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
  return hash ^ (hash >>> 16)
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

/** The newest event of a key at or above the floor, or -1. All are compared: that is faster than to halve by hashes. */
export function findIn(entries: Entries, words: Uint32Array, at: number, floor = 0): number {
  const own = entries.words
  let found = -1
  for (let index = 0; index < entries.count; index++) {
    const base = index * 4
    if (
      own[base] === words[at] &&
      own[base + 1] === words[at + 1] &&
      own[base + 2] === words[at + 2] &&
      own[base + 3] === words[at + 3]
    ) {
      const event = entries.events[index] as number
      if (event >= floor && event > found) found = event
    }
  }
  return found
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

/** A row of key_pages has the keys with hashes from `from` on and below `until`. */
interface Bounds {
  readonly from: number
  readonly until: number
}
/** A row of key_blocks has any. */
const UNBOUND: Bounds = { from: 0, until: 0 }

/** Keys, for each event how far behind the first it is, the upper bound, a checksum. */
export function encodeEntries(
  { count, words, events }: Omit<Entries, 'events'> & { readonly events: ArrayLike<number> },
  range: EventRange,
  { from, until } = UNBOUND,
): Buffer {
  const { eventBytes } = pageShape(range)
  let at = count * KEY_BYTES
  const row = Buffer.allocUnsafe(at + count * eventBytes + TAIL_BYTES)
  row.set(new Uint8Array(words.buffer, words.byteOffset, at))
  for (let index = 0; index < count; index++) {
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

/** A row, read. */
export interface KeyRow extends Entries {
  /** Of a page: the hash at which the next one begins; 2^32 for the last. */
  readonly until: number
}

/** Undefined when the checksum tells of damage. */
export function decodeEntries(row: Uint8Array, range: EventRange, from = 0): KeyRow | undefined {
  const end = row.length - 4
  if (end < 4 || crc32(row.subarray(0, end), from) !== readWord(row, end)) return
  const { eventBytes } = pageShape(range)
  const count = Math.floor((end - 4) / (KEY_BYTES + eventBytes))
  const events = new Float64Array(count)
  let at = count * KEY_BYTES
  for (let index = 0; index < count; index++, at += eventBytes) {
    let offset = 0
    for (let byte = eventBytes - 1; byte >= 0; byte--) {
      offset = offset * 256 + (row[at + byte] as number)
    }
    events[index] = range.firstEvent + offset
  }
  const words = wordsOf(row.subarray(0, count * KEY_BYTES))
  return { count, words, events, until: readWord(row, end - 4) || 2 ** 32 }
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
  ((bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)) >>>
  0
