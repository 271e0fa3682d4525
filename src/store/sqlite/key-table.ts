import { randomInt } from 'node:crypto'
import { type Entries, hashOf, rangeOf } from './key-entries.ts'

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
