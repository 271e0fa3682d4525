import type {
  HashedBody,
  NormalisedName,
  Outcome,
  ProviderName,
  QuarantineReason,
} from '../model.ts'

/** What the events of a batch have in common. */
export interface BatchFacts {
  /** The store's number of the batch; see `eventId` in `event-id.ts`. */
  readonly seq: number
  /** The UUID that the client was told. */
  readonly id: string
  readonly source: string
  readonly provider: ProviderName
  /** Milliseconds since 1970. */
  readonly receivedAt: number
}

/** A batch that is to be unpacked from `unpackedPieces` on: its bytes as received, or as redaction and erasure left them. */
export interface OpenBatch extends BatchFacts, HashedBody {
  readonly contentType: string | undefined
  /** How many of its pieces were unpacked before. */
  readonly unpackedPieces: number
  /** The bytes never left memory since they were hashed. */
  readonly isFresh?: boolean
}

export interface TakeRequest {
  readonly batches: number
  /** Of bodies together; the first is given whatever its size. */
  readonly bytes: number
  /** Where several share the store: nobody else gets them for so long. */
  readonly leaseMs: number
}

/** What was decided of one event when it was unpacked. */
export type Verdict = 'dispatched' | 'unhandled' | 'conflict' | 'stale'

/** An event of a page. Its bytes lie in the batch's body, from `start` on. */
export interface UnpackedEvent {
  /** Index of its piece in the batch, from 0; below 2^20. */
  readonly position: number
  readonly start: number
  readonly bytes: number
  readonly type: string
  readonly name: NormalisedName | undefined
  /** The provider's own id of the event, if it gave one. */
  readonly eventId: string | undefined
  /** True when that id is a UUID and so, without its dashes, the key itself. */
  readonly isIdKey: boolean
  readonly occurredAt: number | undefined
  /** In lower case. */
  readonly recipient: string | undefined
  readonly messageId: string | undefined
  readonly verdict: Verdict
  /** Of a conflict: the event that has the id. */
  readonly twin: number | undefined
  /** Names of the handlers that are to run it; empty unless `dispatched`. */
  readonly handlers: readonly string[]
}

/** One unreadable piece, or a run of neighbouring ones; its bytes lie in the batch's body. */
export interface UnreadablePiece {
  readonly reason: QuarantineReason
  /** Index of the first piece of the run. */
  readonly position: number
  readonly pieces: number
  readonly start: number
  readonly bytes: number
  /** What the reader said, without content of the piece. */
  readonly detail: string
}

/**
 * Part of a batch, unpacked and decided upon, to be stored in one transaction. Its events span fewer
 * than 1,024 positions, so that one run covers them.
 */
export interface UnpackedPage {
  readonly batch: BatchFacts
  /** Pieces before this index are stored already; the page is refused if that has changed. */
  readonly fromPiece: number
  /** The next piece to unpack; stored as progress. */
  readonly toPiece: number
  /** True for the last page of the batch. */
  readonly isLast: boolean
  /** Only new ones, in the order of their positions. */
  readonly events: readonly UnpackedEvent[]
  /** Their keys one behind the other, 16 bytes each. */
  readonly keys: Uint8Array
  readonly unreadable: readonly UnreadablePiece[]
  readonly duplicates: number
  /** Stands for the body from now on, with its SHA-256 in hex: what redaction left. Offsets are those in it. */
  readonly replacement?: HashedBody | undefined
  /** Into which the events point, for a store that would keep it in memory for runs that wait a moment. */
  readonly body?: Uint8Array
  /** Handlers that are handed their run at once: it is stored as opened, unless they are paused. */
  readonly opensFor: ReadonlySet<string>
}

/** What became of a page. */
export type PageResult =
  /** One run a handler, for the handlers that want any of its events. */
  | { readonly kind: 'stored'; readonly runs: readonly StoredRun[] }
  /** Somebody else has unpacked these pieces, or the batch is closed or gone. */
  | { readonly kind: 'taken' }
  /** A key became known meanwhile: ask `findKnown` again. */
  | { readonly kind: 'raced' }
  /** The store cannot take what the page holds, whenever it is asked. */
  | { readonly kind: 'refused'; readonly error: Error }

export interface StoredRun {
  readonly run: number
  readonly handler: string
  /** 0: it was not opened. */
  readonly fence: number
}

/** An event whose key is known. */
export interface KnownEvent {
  readonly event: number
  /** As stored; undefined when they are gone (retention, erasure). */
  readonly payload: Uint8Array | undefined
}

export interface KnownKeys {
  /** By index of the key asked for. */
  readonly known: ReadonlyMap<number, KnownEvent>
  /** The newest time of receipt whose keys were pruned here; 0: none were. */
  readonly prunedThrough: number
}

/** One event of a run, as it is handed to a handler's process. */
export interface RunEvent {
  readonly event: number
  /** Where its bytes lie in the run's body. */
  readonly start: number
  readonly bytes: number
  /** Its key: 16 bytes of these, from `keyAt` on. Events share them: a view of its own is dear. */
  readonly keys: Uint8Array
  readonly keyAt: number
  readonly type: string
}

/** The events of a page that a handler wants and that are neither done nor failed. */
export interface OpenRun {
  readonly run: number
  readonly handler: string
  /** Names this opening of the run: whoever has an older one is refused. */
  readonly fence: number
  /** How often it was opened, this time included, but for those after which the rest was given back. */
  readonly opened: number
  readonly batch: BatchFacts
  readonly body: Uint8Array
  /** In the order of their positions. */
  readonly events: readonly RunEvent[]
}

/** A job that is due, with all that it needs. */
export interface ClaimedJob {
  readonly event: number
  readonly handler: string
  /** Told to the handler: 1 for the first attempt, and for the first after a replay. */
  readonly attempt: number
  /** Of these, how many count for the retry schedule, this one included. */
  readonly counted: number
  /** Names the attempt among all of the job: never the same twice. */
  readonly fence: number
  /** To be run while no other event of the handler runs: it may have ended a process. */
  readonly isAlone: boolean
  readonly batch: BatchFacts
  /** 16 bytes. */
  readonly key: Uint8Array
  readonly type: string
  readonly payload: Uint8Array
}

export interface ClaimRequest {
  readonly handler: string
  /** Events at most; a run is given whole, the first whatever its size. */
  readonly events: number
  /** Of bodies or payloads, likewise. */
  readonly bytes: number
  readonly leaseMs: number
}

/** Calls that a handler with a rate would begin now. */
export interface TurnRequest {
  readonly handler: string
  readonly wanted: number
  /** From one call to the next on average, in microseconds. */
  readonly everyUs: number
  /** So many may begin at once, after a while without any. */
  readonly atOnce: number
}

/** How an event of a run failed. It gets a job row, with its bytes. */
export interface FailedEvent {
  readonly event: number
  readonly durationMs: number
  readonly outcome: Exclude<Outcome, { kind: 'done' | 'released' }>
}

/** What became of events of a run since the last time. */
export interface RunProgress {
  readonly run: number
  readonly handler: string
  readonly fence: number
  readonly batch: number
  /** Ids of events that are done, and beside each how long it took in milliseconds. */
  readonly done: readonly number[]
  readonly doneMs: readonly number[]
  readonly failed: readonly FailedEvent[]
  /** Nobody works on the rest any more: it may be opened again. */
  readonly isGivenBack: boolean
}

/** How an attempt of a job row ended. */
export interface EndedJob {
  readonly event: number
  readonly handler: string
  readonly fence: number
  readonly durationMs: number
  readonly outcome: Outcome
}

/** What is to be recorded together: in one transaction where that is cheaper. */
export interface Work {
  readonly pages: readonly UnpackedPage[]
  readonly progress: readonly RunProgress[]
  readonly jobs: readonly EndedJob[]
}

export interface WorkReceipt {
  /** One for each page. */
  readonly pages: readonly PageResult[]
  /** Outcomes that came too late: their lease had ended and somebody else has the work. */
  readonly refused: number
}

/** Work in the hands of this process, whose lease is to go on. */
export interface HeldWork {
  readonly batches: readonly number[]
  readonly runs: readonly { readonly run: number; readonly fence: number }[]
  readonly jobs: readonly {
    readonly event: number
    readonly handler: string
    readonly fence: number
  }[]
}
