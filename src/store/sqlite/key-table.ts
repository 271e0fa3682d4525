import { randomInt } from 'node:crypto'
import { type Entries, hashOf, rangeOf } from './key-entries.ts'

/** Links have 16 bits, of which 0 is none. */
export const MOST_TABLE_ENTRIES = 65_535

const seed = (): number => randomInt(2 ** 32) | 0
const S0 = seed()
const S1 = seed()
const S2 = seed()
const S3 = seed()
const S4 = seed()
const S5 = seed()
const S6 = seed()
const S7 = seed()
const S8 = seed()

/**
 * 17 bits. Of any two keys, whoever chose them, the chance to share a slot is 2^-17 while the seeds
 * are unknown: multilinear hashing of halves of words, its upper bits (Lemire and Kaser, "Strongly
 * universal string hashing is fast"). A mix like Murmur's has collisions for every seed.
 */
export function slotOf(words: Uint32Array, at: number): number {
  const a = words[at] as number
  const b = words[at + 1] as number
  const c = words[at + 2] as number
  const d = words[at + 3] as number
  // Cut to 32 bits after each step, so that all stays in whole numbers.
  let sum = (S0 + Math.imul(S1, a & 0xffff)) | 0
  sum = (sum + Math.imul(S2, a >>> 16)) | 0
  sum = (sum + Math.imul(S3, b & 0xffff)) | 0
  sum = (sum + Math.imul(S4, b >>> 16)) | 0
  sum = (sum + Math.imul(S5, c & 0xffff)) | 0
  sum = (sum + Math.imul(S6, c >>> 16)) | 0
  sum = (sum + Math.imul(S7, d & 0xffff)) | 0
  sum = (sum + Math.imul(S8, d >>> 16)) | 0
  return sum >>> 15
}

/** What is asked of everything that has keys; `found` has the event of each, or -1. */
export interface KeyQuery {
  readonly words: Uint32Array
  readonly found: Float64Array
  /** Events below are forgotten. */
  readonly floor: number
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
  /** From this block on, and this entry, blocks are as `add` wrote them; before, joined to larger ones. */
  looseBlock: number
  looseEntry = 0
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
    this.looseBlock = firstBlock
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

  /** `slots` are those of the words. */
  find({ words, found, floor }: KeyQuery, slots: Uint32Array): void {
    const own = this.words
    for (let asked = 0; asked < found.length; asked++) {
      if ((found[asked] as number) >= 0) continue
      const at = asked * 4
      let entry = this.#heads[(slots[asked] as number) & this.#mask] as number
      for (; entry > 0; entry = this.#links[entry - 1] as number) {
        const base = (entry - 1) * 4
        if (
          own[base] === words[at] &&
          own[base + 1] === words[at + 1] &&
          own[base + 2] === words[at + 2] &&
          own[base + 3] === words[at + 3] &&
          (this.events[entry - 1] as number) >= floor
        ) {
          found[asked] = this.events[entry - 1] as number
          break
        }
      }
    }
  }

  /** As those of a segment. */
  facts() {
    return { ...rangeOf(this.events, this.count), entries: this.count, missing: 0 }
  }

  /** Likewise in the order of the hashes, in one piece; sorted when it is asked, which takes 3 ms. */
  *walk(): Generator<Entries, number> {
    yield this.#sorted()
    return 0
  }

  #sorted(): Entries {
    const { count } = this
    const hashes = new Uint32Array(count)
    for (let index = 0; index < count; index++) hashes[index] = hashOf(this.words, index * 4)
    const words = new Uint32Array(count * 4)
    const events = new Float64Array(count)
    const order = orderBy(hashes)
    for (let place = 0; place < count; place++) {
      const index = order[place] as number
      events[place] = this.events[index] as number
      for (let word = 0; word < 4; word++) {
        words[place * 4 + word] = this.words[index * 4 + word] as number
      }
    }
    return { count, words, events }
  }
}

/** Places in the order of their hashes, by 11 bits at a time: 2 ms a table, where `sort` takes 15. */
function orderBy(hashes: Uint32Array): Uint16Array {
  const count = hashes.length
  let order = new Uint16Array(count)
  for (let place = 0; place < count; place++) order[place] = place
  let other = new Uint16Array(count)
  for (let shift = 0; shift < 32; shift += 11) {
    const starts = new Uint32Array(2_049)
    for (let place = 0; place < count; place++) {
      const digit = (((hashes[place] as number) >>> shift) & 2_047) + 1
      starts[digit] = (starts[digit] as number) + 1
    }
    for (let digit = 1; digit < 2_048; digit++) {
      starts[digit] = (starts[digit] as number) + (starts[digit - 1] as number)
    }
    for (let index = 0; index < count; index++) {
      const place = order[index] as number
      const digit = ((hashes[place] as number) >>> shift) & 2_047
      const start = starts[digit] as number
      other[start] = place
      starts[digit] = start + 1
    }
    const done = order
    order = other
    other = done
  }
  return order
}
