import type { AttemptJob } from '../../handlers/run-attempt.ts'
import {
  INDEX_BYTES,
  machineMs,
  type PageHead,
  type PagePart,
  PROGRESS,
  PROGRESS_FD,
  SLOT_BYTES,
  toEntry,
} from '../channel-frames.ts'
import { now, write } from './untouched.ts'

/** One event of a page, as it is run. */
export interface HostJob extends AttemptJob {
  readonly page: HostPage
  /** Its index in the page. */
  readonly at: number
}

const KEY_AT = 8
/** From our clock to the machine's. */
const CLOCK_OFFSET = machineMs() - now()

/** A page in the child's hands: which of its events have started, and how far each is. */
export class HostPage {
  readonly id: number
  readonly isAlone: boolean
  readonly size: number
  /** Events that have not ended. */
  open: number
  /** What of it has ended is not told yet. */
  hasNews = false
  readonly #parts: readonly PagePart[]
  readonly #bytes: Buffer
  readonly #slotAt: number
  readonly #entries: Uint32Array
  /** What of the entries is not in the file yet. */
  #dirtyFrom = 0
  #dirtyTo = 0
  #next = 0
  #part = -1
  /** Index of the first event behind the part. */
  #partEnd = 0

  constructor({ page, slot, isAlone, parts }: PageHead, bytes: Buffer) {
    this.id = page
    this.isAlone = isAlone
    this.size = parts.reduce((size, { events }) => size + events, 0)
    this.open = this.size
    this.#parts = parts
    this.#bytes = bytes
    this.#slotAt = slot * SLOT_BYTES
    this.#entries = new Uint32Array(this.size)
  }

  get hasNext(): boolean {
    return this.#next < this.size
  }

  /** The next event that has not started; there must be one. */
  take(): HostJob {
    const at = this.#next++
    while (at >= this.#partEnd) this.#partEnd += this.#parts[++this.#part]?.events as number
    const { provider, source, attempt, receivedAt } = this.#parts[this.#part] as PagePart
    const entry = at * INDEX_BYTES
    const bytes = this.#bytes
    const start = this.size * INDEX_BYTES + bytes.readUInt32LE(entry)
    const payload = bytes.toString('utf8', start, start + bytes.readUInt32LE(entry + 4))
    const key = bytes.toString('base64url', entry + KEY_AT, entry + INDEX_BYTES)
    return { page: this, at, provider, source, attempt, receivedAt, key, payload }
  }

  /** What has not started is not to be started any more. */
  giveBack(): void {
    this.open -= this.size - this.#next
    while (this.#next < this.size) this.mark(this.#next++, PROGRESS.returned, 0)
  }

  markStarted(at: number, startedAt: number): void {
    this.mark(at, PROGRESS.started, startedAt + CLOCK_OFFSET)
  }

  mark(at: number, kind: number, ms: number): void {
    this.#entries[at] = toEntry(kind, ms)
    if (this.#dirtyTo === 0) {
      this.#dirtyFrom = at
      this.#dirtyTo = at + 1
    } else if (at < this.#dirtyFrom) this.#dirtyFrom = at
    else if (at >= this.#dirtyTo) this.#dirtyTo = at + 1
  }

  get isDirty(): boolean {
    return this.#dirtyTo > 0
  }

  /** Writes what changed to where the parent finds it. */
  flush(): void {
    const from = 4 * this.#dirtyFrom
    const bytes = 4 * this.#dirtyTo - from
    this.#dirtyTo = 0
    write(PROGRESS_FD, this.#entries, from, bytes, this.#slotAt + from)
  }
}
