import type { Provider } from '../providers/provider.ts'
import type { DraftEvent } from './draft-page.ts'
import { KEY_BYTES } from './key.ts'

/** Events that were read together, with the body in which their bytes lie. */
export interface CandidatePage {
  readonly events: readonly DraftEvent[]
  /** 16 bytes for each of them. */
  readonly keys: Uint8Array
  readonly provider: Provider
  /** As it would be stored. */
  readonly body: Uint8Array
}

/** An event that is decided upon, and the page in which it is. */
export interface Candidate {
  readonly page: CandidatePage
  readonly draft: DraftEvent
}

/** A prime near 2^32 divided by the golden ratio: spreads what differs in a few bits only. */
const SPREAD = 0x9e3779b1

/**
 * By their keys, the events that came before in what is read together. No Map by name: a text and an
 * entry for each event were a tenth of what unpacking leaves to be collected.
 */
export class EarlierEvents {
  /** One more than an index of `#events`; 0: free. At most half of them are taken. */
  readonly #slots: Uint32Array
  readonly #shift: number
  readonly #events: Candidate[] = []

  /** For so many at the most. */
  constructor(events: number) {
    const bits = 2 + Math.ceil(Math.log2(events + 1))
    this.#slots = new Uint32Array(2 ** bits)
    this.#shift = 32 - bits
  }

  /** The one with the same key, if there was one. */
  find({ keys, keyAt }: DraftEvent): Candidate | undefined {
    return this.#events[(this.#slots[this.#slotOf(keys, keyAt)] as number) - 1]
  }

  /** There must be none with its key. */
  add(page: CandidatePage, draft: DraftEvent): void {
    const index = this.#events.push({ page, draft })
    this.#slots[this.#slotOf(draft.keys, draft.keyAt)] = index
  }

  /** Where the one with this key is, or would be. */
  #slotOf(keys: Uint8Array, at: number): number {
    // Of UUIDs some have the same beginning, by time, and some the same end, by machine.
    const mixed = Math.imul(wordAt(keys, at) ^ wordAt(keys, at + KEY_BYTES - 4), SPREAD)
    let slot = mixed >>> this.#shift
    for (;;) {
      const index = this.#slots[slot] as number
      if (index === 0 || isSame(this.#events[index - 1] as Candidate, keys, at)) return slot
      slot = (slot + 1) % this.#slots.length
    }
  }
}

const wordAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 24) |
  ((bytes[at + 1] as number) << 16) |
  ((bytes[at + 2] as number) << 8) |
  (bytes[at + 3] as number)

function isSame({ draft }: Candidate, keys: Uint8Array, at: number): boolean {
  for (let n = 0; n < KEY_BYTES; n++) {
    if (draft.keys[draft.keyAt + n] !== keys[at + n]) return false
  }
  return true
}
