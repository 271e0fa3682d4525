import type { ProviderName } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import type { WorkStore } from '../store/store.ts'
import { ActiveBatch } from './active-batch.ts'

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
    active.noteRefusal(this.#parts.now() + this.#parts.leaseMs)
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
