import { crc32 } from 'node:zlib'
import type { Database } from './driver.ts'
import { type Entries, hashOf, readWord } from './key-entries.ts'

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
