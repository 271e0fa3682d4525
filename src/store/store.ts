import type {
  AttemptName,
  Batch,
  ClaimedJob,
  EventState,
  HandlerRegistration,
  JobState,
  NormalisedName,
  ProviderName,
  QuarantineReason,
  SettledAttempt,
  UnpackedEvent,
  UnreadablePiece,
} from '../model.ts'
import type { AuditEntry, AuditRow } from './audit.ts'
import type { EraseReceipt, EraseRequest } from './erasure.ts'
import type { DatabaseHealth, StoreStats } from './figures.ts'
import type { SeriesPoint, SeriesQuery } from './series.ts'

export * from './audit.ts'
export type * from './erasure.ts'
export type * from './figures.ts'
export type { SeriesPoint, SeriesQuery } from './series.ts'

/** All that the ack path knows of a store. */
export interface Journal {
  /**
   * Resolves once the batch is on disk. Rejects with a ReceiverError (`store_full`, `store_busy`,
   * `store_broken`, `store_gone`, `store_closed`) when it is not; it may then still be there after a restart.
   */
  append(batch: Batch): Promise<void>
}

/** A batch that this process may unpack until its lease ends. */
export interface OpenBatch extends Batch {
  /** How many of its pieces were unpacked before. */
  readonly unpackedPieces: number
}

/** Part of a batch, unpacked; stored in one transaction. */
export interface UnpackedChunk {
  readonly batch: string
  /** Pieces before this index are stored already; the chunk is refused if that has changed. */
  readonly fromPiece: number
  /** The next piece to unpack; stored as progress. */
  readonly toPiece: number
  readonly events: readonly UnpackedEvent[]
  readonly unreadable: readonly UnreadablePiece[]
  /** True for the last chunk: closes the batch and lets its body go. */
  readonly isLast: boolean
}

/** What became of the events of one type. `stored` counts the stale ones too. */
export interface TypeReceipt {
  readonly type: string
  readonly stored: number
  readonly duplicates: number
  readonly conflicts: number
  readonly stale: number
}

/** What became of a chunk: of all events, of each type that it holds, of pieces. */
export interface ChunkReceipt extends Omit<TypeReceipt, 'type'> {
  readonly quarantined: number
  readonly types: readonly TypeReceipt[]
}

/** One transaction that was committed. */
export interface StoreCommit {
  /** It waited for the disk; others become durable with a later one. */
  readonly isDurable: boolean
  readonly durationMs: number
  /** The last part of it: the commit itself, and with it the sync. */
  readonly syncMs: number
}

export interface ClaimRequest {
  readonly handler: string
  readonly limit: number
  readonly leaseMs: number
}

/** Pages run newest first; `cursor` is what the page before gave. `limit` 1 to 500, default 50. */
export interface PageRequest {
  readonly limit?: number
  readonly cursor?: string
}
export interface Page<Row> {
  readonly rows: readonly Row[]
  /** Undefined on the last page. */
  readonly cursor: string | undefined
  /** Time was up: the page may have fewer rows than there are, even none; the cursor goes on. */
  readonly isPartial?: boolean
}

export interface EventQuery extends PageRequest {
  readonly source?: string
  readonly type?: string
  readonly state?: EventState
  /** In any case. */
  readonly recipient?: string
  readonly messageId?: string
  readonly eventId?: string
  /** Received at or after, and before; milliseconds since 1970. */
  readonly from?: number
  readonly to?: number
}

export interface EventRow {
  readonly id: string
  readonly batch: string
  readonly position: number
  readonly source: string
  readonly provider: ProviderName
  readonly type: string
  readonly name: NormalisedName | undefined
  readonly state: EventState
  readonly eventId: string | undefined
  readonly recipient: string | undefined
  readonly messageId: string | undefined
  readonly occurredAt: number | undefined
  readonly receivedAt: number
}

/** One finished attempt of a job. */
export interface AttemptRow {
  readonly attempt: number
  readonly outcome: 'done' | 'retry' | 'dead'
  readonly endedAt: number
  readonly durationMs: number
  readonly error: string | undefined
}

export interface JobRow {
  readonly event: string
  readonly handler: string
  readonly state: JobState
  /** Attempts counted so far. */
  readonly attempt: number
  /** When it is due, or until when it is leased; undefined once settled. */
  readonly dueAt: number | undefined
  readonly lastError: string | undefined
  readonly attempts: readonly AttemptRow[]
}

export interface EventDetail extends EventRow {
  readonly payload: string
  readonly jobs: readonly JobRow[]
}

/** A job is named by its event and its handler. */
export interface JobName {
  readonly event: string
  readonly handler: string
}

export interface JobQuery extends PageRequest {
  readonly handler?: string
  readonly state?: JobState
}

export interface QuarantineRow {
  readonly id: string
  readonly batch: string
  readonly source: string
  readonly reason: QuarantineReason
  readonly detail: string
  readonly position: number
  readonly pieces: number
  readonly byteOffset: number
  readonly bytes: number
  readonly receivedAt: number
}

/** What to forget; each a time of receipt in milliseconds since 1970. */
export interface PruneRequest {
  readonly eventsBefore: number
  readonly deadBefore: number
  readonly keysBefore: number
}

export interface PruneReceipt {
  readonly removed: number
  /** False: there may be more; call again. */
  readonly isDone: boolean
}

/**
 * Why a waiting loop should look again. Only a hint: looking now and then is correct alone.
 * `failure`: the store keeps nothing any more, whoever asks.
 */
export type StoreHint = 'batches' | 'jobs' | 'failure'

/** Reads for people. May run beside the writes, and sees what was committed. */
export interface Archive {
  stats(): Promise<StoreStats>
  /** Undefined where the store is a file. */
  health(): Promise<DatabaseHealth | undefined>
  listEvents(query: EventQuery): Promise<Page<EventRow>>
  getEvent(id: string): Promise<EventDetail | undefined>
  listJobs(query: JobQuery): Promise<Page<JobRow>>
  listQuarantine(query: PageRequest): Promise<Page<QuarantineRow>>
  /** Undefined when there is no such row. */
  getQuarantine(id: string): Promise<QuarantineRow | undefined>
  /** The bytes as received; undefined when there is no such row. */
  quarantineBody(id: string): Promise<Uint8Array | undefined>
  listAudit(query: PageRequest): Promise<Page<AuditRow>>
  /** Batches, of these if any are given, that wait to be unpacked and may hold one of the traces. */
  findWaiting(traces: readonly string[], among?: readonly string[]): Promise<readonly string[]>
  /** Only buckets in which there was something, in order. */
  countEvents(query: SeriesQuery): Promise<readonly SeriesPoint[]>
  /** When each source sent its newest batch; sources that sent none of the newest 2,000 are missing. */
  lastBatches(): Promise<Readonly<Record<string, number>>>
  /** Since when each paused handler is paused. */
  pausedHandlers(): Promise<Readonly<Record<string, number>>>
}

/** One interface, two engines, the same tables and meanings. */
export interface Store extends Journal, Archive {
  /** Leases the oldest batch that is not unpacked and not leased; undefined when there is none. */
  takeBatch(leaseMs: number): Promise<OpenBatch | undefined>
  /**
   * Stores a chunk in one transaction: keys, events, jobs, quarantine and the batch's progress.
   * Undefined when somebody else has unpacked these pieces meanwhile.
   */
  commitChunk(chunk: UnpackedChunk): Promise<ChunkReceipt | undefined>
  /**
   * Due jobs, the oldest first, and of those due at the same moment that of the earlier event; the
   * attempt is counted here and the lease begins.
   */
  claim(request: ClaimRequest): Promise<readonly ClaimedJob[]>
  /** Puts off the end of the lease of attempts that are still running. */
  extend(attempts: readonly AttemptName[], leaseMs: number): Promise<void>
  /**
   * Records outcomes, of each attempt the first that it is told; refuses those whose attempt is no
   * longer the job's. Answers how many it refused.
   */
  settle(attempts: readonly SettledAttempt[]): Promise<number>
  /** Remembers handlers, so that events wait for one that cannot be loaded. */
  saveHandlers(handlers: readonly HandlerRegistration[]): Promise<void>
  loadHandlers(): Promise<readonly HandlerRegistration[]>
  /**
   * Makes settled jobs pending again, with a fresh count of attempts, and makes those that never
   * were; a pending job stays as it is. `only` leaves out jobs in another state. Answers how many.
   */
  replay(jobs: readonly JobName[], only?: 'done' | 'dead'): Promise<number>
  /** While a handler is paused none of its jobs is claimed. False when there is no such handler. */
  setPaused(handler: string, isPaused: boolean): Promise<boolean>
  /**
   * Takes an unreadable piece out of quarantine and puts its bytes into the journal again, as a batch
   * of its own with the time at which they were received. False when it is not there any more.
   */
  requeue(quarantineId: string, batchId: string): Promise<boolean>
  /** Forgets a bounded number of old rows, so that nothing waits long; call again until it is done. */
  prune(request: PruneRequest): Promise<PruneReceipt>
  /**
   * Removes what tells of a person, in a bounded number of rows, so that nothing waits long; call
   * again until it is done. Keys stay: what is sent again is known. Batches that wait are not looked at.
   */
  erase(request: EraseRequest): Promise<EraseReceipt>
  /**
   * Overwrites what the engine left of deleted rows, as far as that is the store's affair. False
   * when the traces can still be found in its files.
   */
  wipe(traces: readonly string[]): Promise<boolean>
  /** Adds to the trail of what people had done; nothing takes anything away from it. */
  recordAudit(entry: AuditEntry): Promise<void>
  /** Proves that a write reaches the disk. Rejects like `append`. */
  probe(): Promise<void>
  /** Calls back when there may be something to do. Answers how to stop. */
  onHint(listener: (hint: StoreHint) => void): () => void
  close(): Promise<void>
}
