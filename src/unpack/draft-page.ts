import type { QuarantineReason } from '../model.ts'
import { RUN_SPAN } from '../store/run-bits.ts'
import type { RunEvent, UnpackedEvent, UnreadablePiece, Verdict } from '../store/store.ts'
import { KEY_BYTES } from './key.ts'
import { type Piece, REFUSAL_DETAILS } from './read-piece.ts'

/**
 * An event as it was read. Whether it is new is decided later, in it: 500 copies take longer to collect
 * than to make. Text and content are not kept: they would live through a collection or two, and cost
 * more than to read the few again that differ.
 */
export interface DraftEvent extends RunEvent, UnpackedEvent {
  isIdKey: boolean
  verdict: Verdict
  twin: number | undefined
  handlers: readonly string[]
  /** Its provider says by what it is known again; else it is its content. */
  readonly isIdentified: boolean
}

/** Part of a batch: pieces from one index to before another. */
export interface DraftPage {
  readonly fromPiece: number
  readonly toPiece: number
  readonly isLast: boolean
  readonly events: readonly DraftEvent[]
  /** Their keys one behind the other, 16 bytes each. */
  readonly keys: Uint8Array
  readonly unreadable: readonly UnreadablePiece[]
}

/** Where an event goes in its page. */
export type DraftPlace = Pick<DraftEvent, 'position' | 'keys' | 'keyAt'>

/** As much is parsed and stored in a few milliseconds. */
const MAX_PAGE_BYTES = 1024 * 1024
const MAX_PAGE_PIECES = 5_000
const MAX_MERGED_BYTES = 1024 * 1024

/** Gathers rows until they make a page that is stored in one go. */
export class PageBuilder {
  readonly #maxRows: number
  #fromPiece: number
  #toPiece: number
  #events: DraftEvent[] = []
  #keys: Uint8Array
  #rows: UnreadablePiece[] = []
  #bytes = 0

  constructor(firstPiece: number, maxRows: number) {
    this.#maxRows = maxRows
    this.#fromPiece = firstPiece
    this.#toPiece = firstPiece
    this.#keys = new Uint8Array(maxRows * KEY_BYTES)
  }

  /** The events of a page fit into the bits of one run. */
  hasRoom({ start, end }: Piece, position: number): boolean {
    if (this.#toPiece === this.#fromPiece) return true
    const [first] = this.#events
    return (
      this.#events.length + this.#rows.length < this.#maxRows &&
      position - this.#fromPiece < MAX_PAGE_PIECES &&
      (first === undefined || position - first.position < RUN_SPAN) &&
      this.#bytes + end - start <= MAX_PAGE_BYTES
    )
  }

  addUnreadable(
    { start, end }: Piece,
    position: number,
    reason: QuarantineReason,
    mayMerge: boolean,
  ): void {
    const rows = this.#rows
    const last = rows.at(-1)
    const isNeighbour =
      last !== undefined && last.reason === reason && last.position + last.pieces === position
    this.#bytes += end - start
    this.#toPiece = position + 1
    if (mayMerge && isNeighbour && end - last.start <= MAX_MERGED_BYTES) {
      rows[rows.length - 1] = { ...last, pieces: last.pieces + 1, bytes: end - last.start }
    } else {
      const detail = REFUSAL_DETAILS[reason]
      rows.push({ reason, position, pieces: 1, start, bytes: end - start, detail })
    }
  }

  /** Where the next event of the page goes. */
  place(position: number): DraftPlace {
    return { position, keys: this.#keys, keyAt: this.#events.length * KEY_BYTES }
  }

  addEvent(event: DraftEvent): void {
    this.#events.push(event)
    this.#toPiece = event.position + 1
    this.#bytes += event.bytes
  }

  /** The page so far; the next one begins behind it. */
  take(isLast: boolean): DraftPage {
    const page = {
      fromPiece: this.#fromPiece,
      toPiece: this.#toPiece,
      isLast,
      events: this.#events,
      keys: this.#keys.subarray(0, this.#events.length * KEY_BYTES),
      unreadable: this.#rows,
    }
    this.#fromPiece = this.#toPiece
    this.#events = []
    if (!isLast) this.#keys = new Uint8Array(this.#maxRows * KEY_BYTES)
    this.#rows = []
    this.#bytes = 0
    return page
  }
}
