import { ReceiverError } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'
import type {
  BackfilledSpan,
  OpenRun,
  PageResult,
  UnpackedPage,
  WorkStore,
} from '../store/store.ts'
import { type DecidedPage, decide } from '../unpack/decide.ts'
import type { DraftPage } from '../unpack/draft-page.ts'
import {
  type ActiveBatch,
  BatchQueue,
  type BatchQueueParts,
  type UnpackRules,
} from './active-batch.ts'
import { Opening, type Opens, type Shares, shareOut } from './opening.ts'
import { NO_KEYS, openRuns, splitPage, toCorrupt, type UnpackedDraft } from './page-rows.ts'

export interface UnpackerParts extends BatchQueueParts {
  readonly store: Pick<WorkStore, 'takeBatches' | 'findKnown' | 'commit'>
  readonly observer: Pick<Observer, 'batchUnpacked' | 'unpackFailed'>
  readonly opens: Opens
  /** So long is read before what was read is stored; one piece may take longer. */
  readonly readingMs: number
  /** Which times were back-filled; asked for each turn. Default: none ever. */
  readonly readBackfilled?: () => Promise<BackfilledSpan | undefined>
}

/** A page that is ready to be stored. */
export interface PreparedPage {
  readonly page: UnpackedDraft
  readonly active: ActiveBatch
  readonly draft: DraftPage
  readonly shares: Shares
  isReleased: boolean
}
/** With what stood for the batch's body when it was read: other rules may have it read anew meanwhile. */
interface Draft extends Pick<PreparedPage, 'active' | 'draft'> {
  readonly replacement: UnpackedPage['replacement']
  readonly body: Uint8Array
}

/** Batches that share a transaction. */
const MAX_BATCHES_TOGETHER = 256
const CAREFUL_TURNS = 64
const MAX_TEXT_CHARS = 300

/** Turns batches into pages, in order of arrival, and makes sure that each of them comes to an end. */
export class Unpacker {
  readonly #parts: UnpackerParts
  #rules: UnpackRules | undefined
  readonly #queue: BatchQueue
  readonly #opening: Opening
  #carefulTurns = 0

  constructor(parts: UnpackerParts) {
    this.#parts = parts
    this.#queue = new BatchQueue(parts)
    this.#opening = new Opening(parts.opens)
  }

  /** Until the first call nothing is unpacked. Batches under way are read anew by these rules. */
  follow(rules: UnpackRules): void {
    this.#rules = rules
    this.#queue.readAllAnew()
  }

  /** Whether all of these handlers would be handed so many events at once, beside what is under way. */
  hasRoom(handlers: readonly string[], events: number): boolean {
    return handlers.every((handler) => this.#opening.isOpen(handler, { events, bytes: 0 }))
  }

  /** Numbers of the batches in our hands. */
  held(): readonly number[] {
    return this.#queue.seqs()
  }

  /** The store may have batches. */
  lookAgain(): void {
    this.#queue.lookAgain()
  }

  /**
   * Pages of at most about so many events, of one batch or several; no other pages of these are
   * prepared before they are released. One call at a time. Rejects like the store.
   */
  async prepare(events: number): Promise<readonly PreparedPage[]> {
    if (this.#rules === undefined) return []
    const drafts: Draft[] = []
    try {
      await this.#draft(drafts, events, this.#rules)
      return await this.#decide(drafts)
    } catch (error) {
      for (const { active } of drafts) active.readAnew()
      throw error
    }
  }

  async #draft(drafts: Draft[], events: number, rules: UnpackRules): Promise<void> {
    if (this.#carefulTurns > 0) this.#carefulTurns--
    const endsAt = this.#parts.now() + this.#parts.readingMs
    for (let rows = 0; rows < events && drafts.length < MAX_BATCHES_TOGETHER; ) {
      const active = await this.#queue.next(drafts.map((one) => one.active))
      if (active === undefined) break
      if (this.isCareful && drafts.length > 0 && drafts[0]?.active !== active) break
      for (const draft of this.#read(active, rules)) {
        const { replacement, body } = active
        drafts.push({ active, draft, replacement, body })
        rows += draft.events.length + draft.unreadable.length
      }
      if (this.#parts.now() > endsAt) break
    }
  }

  /**
   * What became of the pages. The runs that were opened with them are handed before anything else is
   * waited for: what nobody names as his is let go.
   */
  async settle(
    prepared: readonly PreparedPage[],
    results: readonly PageResult[],
    hand: (runs: readonly OpenRun[]) => void,
  ): Promise<void> {
    const runs: OpenRun[] = []
    const refused: PreparedPage[] = []
    for (const [n, one] of prepared.entries()) {
      const result = results[n]
      if (result?.kind === 'refused') refused.push(one)
      else if (result?.kind === 'stored') {
        runs.push(...openRuns(one.page, result))
        this.#noteStored(one)
      } else if (result?.kind === 'taken') this.#queue.drop(one.active)
      else one.active.readAnew()
    }
    hand(runs)
    for (const one of refused) await this.#storeSingly(one)
  }

  /**
   * Nothing of these was stored: they come again, one batch at a time for a while. One that is to
   * blame for it again and again waits, so that the others go on; it is never quarantined for that.
   */
  giveBack(prepared: readonly PreparedPage[], { isToBlame }: { isToBlame: boolean }): void {
    this.#carefulTurns = CAREFUL_TURNS
    const actives = new Set(prepared.map(({ active }) => active))
    for (const active of actives) {
      active.readAnew()
      if (isToBlame && actives.size === 1) this.#queue.blame(active)
    }
    this.release(prepared)
  }

  /** These were handed out, or come again. */
  release(prepared: readonly PreparedPage[]): void {
    for (const one of prepared) {
      if (one.isReleased) continue
      one.isReleased = true
      one.active.isUnderWay = false
      this.#opening.release(one.shares, one.page.opensFor)
    }
  }

  /** After a failure: batches are stored one at a time. */
  get isCareful(): boolean {
    return this.#carefulTurns > 0
  }

  #read(active: ActiveBatch, rules: UnpackRules): readonly DraftPage[] {
    try {
      return active.read(rules)
    } catch (error) {
      this.#parts.observer.unpackFailed({ batch: active.batch.id, error: describe(error) })
      return []
    }
  }

  async #decide(drafts: readonly Draft[]): Promise<readonly PreparedPage[]> {
    const candidates = drafts.map(({ active, body, draft: { events, keys } }) => ({
      events,
      keys,
      provider: active.provider,
      body,
    }))
    const backfilled = drafts.length > 0 ? await this.#parts.readBackfilled?.() : undefined
    const decided = await decide(
      candidates,
      (keys) => (keys.length === 0 ? NOTHING_KNOWN : this.#parts.store.findKnown(keys)),
      backfilled,
    )
    return drafts.map(({ active, draft, replacement, body }, n) => {
      const { events, keys, duplicates } = decided[n] as DecidedPage
      const shares = shareOut(events)
      const page: UnpackedDraft = {
        batch: active.batch,
        fromPiece: draft.fromPiece,
        toPiece: draft.toPiece,
        isLast: draft.isLast,
        events,
        keys,
        unreadable: draft.unreadable,
        duplicates,
        replacement,
        body,
        opensFor: this.#opening.choose(shares),
      }
      active.isUnderWay = true
      return { page, active, draft, shares, isReleased: false }
    })
  }

  /** The rows of a page that was refused, one by one: an event that is refused again is quarantined. */
  async #storeSingly(prepared: PreparedPage): Promise<void> {
    for (const single of splitPage(prepared.page)) {
      const [result] = (await this.#commit(single)).pages
      if (result?.kind === 'refused') {
        const quarantined = {
          ...single,
          events: [],
          keys: NO_KEYS,
          unreadable: [toCorrupt(single)],
        }
        const [again] = (await this.#commit(quarantined)).pages
        if (again?.kind !== 'stored') throw new ReceiverError('store_refused')
        const draft = { ...prepared.draft, events: [] }
        this.#noteStored({ ...prepared, page: quarantined, draft })
      } else if (result?.kind === 'stored') this.#noteStored({ ...prepared, page: single })
      else if (result?.kind === 'taken') return this.#queue.drop(prepared.active)
      else return prepared.active.readAnew()
    }
  }

  #commit(page: UnpackedPage) {
    return this.#parts.store.commit({ pages: [page], progress: [], jobs: [] })
  }

  #noteStored({ active, page, draft }: PreparedPage): void {
    active.noteStored(page, draft.events)
    if (!page.isLast) return
    this.#queue.drop(active)
    this.#parts.observer.batchUnpacked({
      batch: active.batch.id,
      source: active.batch.source,
      durationMs: this.#parts.now() - active.startedAt,
      receipt: active.receipt,
    })
  }
}

const NOTHING_KNOWN = { known: new Map(), prunedThrough: 0 } as const

/** What went wrong, for the log. A SyntaxError's text quotes what could not be parsed. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'Something was thrown that is no Error.'
  if (error instanceof SyntaxError) return error.name
  return `${error.name}: ${error.message}`.slice(0, MAX_TEXT_CHARS)
}
