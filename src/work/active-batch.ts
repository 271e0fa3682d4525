import type { ProviderName, Redaction } from '../model.ts'
import type { BatchReceipt } from '../observe/observer.ts'
import type { Provider } from '../providers/provider.ts'
import type { OpenBatch, UnpackedPage, WorkStore } from '../store/store.ts'
import type { DraftPage } from '../unpack/draft-page.ts'
import { quarantineRest, type Routes, readBatch } from '../unpack/read-batch.ts'
import { createRedacting } from '../unpack/redact.ts'
import { addPage, NO_RECEIPT } from './receipts.ts'

export interface UnpackRules {
  /** Which handlers want which events. */
  readonly routes: Routes
  readonly redaction: Redaction | undefined
}

/** Reading it fails so often before what is left goes to quarantine as it is. */
const MAX_FAILURES = 3
/** A batch that the store could not take so often waits, so that the others go on. */
const MAX_REFUSALS = 3
/** So long at first, as its connection may just have been cut a few times; twice as long each time after. */
const FIRST_WAIT_MS = 1_000
/** No page is left. */
const EXHAUSTED: Iterator<DraftPage> = [].values()

/** A batch under way: how far it is read, and how far that is stored. */
export class ActiveBatch {
  readonly batch: OpenBatch
  readonly provider: Provider
  /** Milliseconds of a clock that only goes forward. */
  readonly startedAt: number
  /** Pages of it are being stored: more of it are prepared when that is done. */
  isUnderWay = false
  /** So long it waits, as the store could not take it, though it writes. */
  notBefore = 0
  #replacement: UnpackedPage['replacement']
  /** What stands for the body in the store. */
  #stored: UnpackedPage['replacement']
  #receipt = NO_RECEIPT
  /** What is left of it; undefined: to be read anew from `#nextPiece` on. */
  #pages: Iterator<DraftPage> | undefined
  #nextPiece: number
  #failures = 0
  #refusals = 0

  constructor(batch: OpenBatch, provider: Provider, startedAt: number) {
    this.batch = batch
    this.provider = provider
    this.startedAt = startedAt
    this.#nextPiece = batch.unpackedPieces
  }

  /** Stands for the body, once its pages were read, where not everything is kept. */
  get replacement(): UnpackedPage['replacement'] {
    return this.#replacement
  }

  /** Into which its events point. */
  get body(): Uint8Array {
    return (this.#replacement ?? this.#stored ?? this.batch).body
  }

  get isExhausted(): boolean {
    return this.#pages === EXHAUSTED
  }

  /** What was stored of it. */
  get receipt(): BatchReceipt {
    return this.#receipt
  }

  /** One page; of a batch of which not everything is kept, all of them. Throws what our own code throws. */
  read(rules: UnpackRules): readonly DraftPage[] {
    try {
      this.#pages ??= this.#begin(rules)
      const reading = this.#pages
      const pages: DraftPage[] = []
      do {
        const { value, done } = reading.next()
        if (done) break
        pages.push(value)
        if (value.isLast) this.#pages = EXHAUSTED
      } while (this.#replacement && !this.isExhausted)
      return pages
    } catch (error) {
      this.#failures++
      this.readAnew()
      throw error
    }
  }

  /** From what is not stored on, when its turn comes. */
  readAnew(): void {
    this.#pages = undefined
    this.#replacement = undefined
  }

  /** `drafted`: all that was read for this page. */
  noteStored(page: UnpackedPage, drafted: DraftPage['events']): void {
    this.#nextPiece = page.toPiece
    this.#stored = page.replacement ?? this.#stored
    this.#failures = 0
    this.#refusals = 0
    this.#receipt = addPage(this.#receipt, page, drafted)
  }

  /** The store writes, and could not take it: again and again, and it waits, for no longer than this. */
  noteRefusal(now: number, longestMs: number): void {
    const extra = ++this.#refusals - MAX_REFUSALS
    if (extra >= 0) this.notBefore = now + Math.min(longestMs, FIRST_WAIT_MS * 2 ** extra)
  }

  /** Pieces that our own code fails on again and again go to quarantine, at last the rest as it is. */
  #begin({ routes, redaction }: UnpackRules): Iterator<DraftPage> {
    const { provider } = this
    const batch = { ...this.batch, ...this.#stored, unpackedPieces: this.#nextPiece }
    if (this.#failures >= MAX_FAILURES) {
      const detail = `Unpacking it failed ${MAX_FAILURES} times; see the log.`
      return [quarantineRest(batch, detail)].values()
    }
    const keepsFailures = this.#failures === MAX_FAILURES - 1
    const pages = readBatch(batch, { provider, routes, keepsFailures })
    // What is stored of it points into the body that is there, in which all of it was redacted with that.
    if (this.#nextPiece > 0) return pages
    const redact = createRedacting(redaction, batch.source, provider)
    if (!redact) return pages
    const redacted = redact(batch, pages)
    this.#replacement = redacted.replacement
    return redacted.pages.values()
  }
}

/** Batches taken from the store at once, and how large they may be together. */
const MAX_TAKEN_BATCHES = 256
/** With fewer left to read, more are taken while these are stored. */
const LOW_BATCHES = 8
const MAX_TAKEN_BYTES = 4 * 1024 * 1024

export interface BatchQueueParts {
  readonly store: Pick<WorkStore, 'takeBatches'>
  readonly providers: Readonly<Record<ProviderName, Provider>>
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
  readonly leaseMs: number
  /** While some are left to read: where the store is a server. */
  readonly takesAhead?: boolean
}

/** The batches in our hands, in order of arrival. */
export class BatchQueue {
  readonly #parts: BatchQueueParts
  readonly #batches: ActiveBatch[] = []
  /** The store may have batches that are not here. */
  #isBehind = true
  #taking: Promise<void> | undefined

  constructor(parts: BatchQueueParts) {
    this.#parts = parts
  }

  /** The store may have batches. */
  lookAgain(): void {
    this.#isBehind = true
  }

  seqs(): readonly number[] {
    return this.#batches.map(({ batch }) => batch.seq)
  }

  /** The oldest batch that has more to give; those in `drafted` whose last page is read have not. */
  async next(drafted: readonly ActiveBatch[]): Promise<ActiveBatch | undefined> {
    const { takesAhead } = this.#parts
    const now = this.#parts.now()
    const hasMore = (active: ActiveBatch) =>
      active.notBefore <= now &&
      !active.isUnderWay &&
      !(active.isExhausted && drafted.includes(active))
    const found = this.#batches.find(hasMore)
    if (!this.#isBehind) return found
    // What fails ahead of time fails again when it is needed.
    if (found && takesAhead && this.#batches.length < LOW_BATCHES) this.#takeMore().catch(() => {})
    if (found) return found
    await this.#takeMore()
    return this.#batches.find(hasMore)
  }

  drop(active: ActiveBatch): void {
    const index = this.#batches.indexOf(active)
    if (index >= 0) this.#batches.splice(index, 1)
  }

  /** From now on by other rules. */
  readAllAnew(): void {
    for (const active of this.#batches) active.readAnew()
  }

  /** The store writes, and could not take it. */
  blame(active: ActiveBatch): void {
    active.noteRefusal(this.#parts.now(), this.#parts.leaseMs)
  }

  #takeMore(): Promise<void> {
    this.#taking ??= this.#take().finally(() => {
      this.#taking = undefined
    })
    return this.#taking
  }

  async #take(): Promise<void> {
    const { store, leaseMs } = this.#parts
    const request = { batches: MAX_TAKEN_BATCHES, bytes: MAX_TAKEN_BYTES, leaseMs }
    const taken = await store.takeBatches(request)
    if (taken.length === 0) this.#isBehind = false
    const known = this.seqs()
    for (const batch of taken) {
      if (known.includes(batch.seq)) continue
      const provider = this.#parts.providers[batch.provider]
      this.#batches.push(new ActiveBatch(batch, provider, this.#parts.now()))
    }
  }
}
