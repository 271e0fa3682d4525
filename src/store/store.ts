import type { Batch, HandlerRegistration, JobState } from '../model.ts'
import type { Archive, AuditEntry } from './reading.ts'
import type {
  ClaimedJob,
  ClaimRequest,
  HeldWork,
  KnownKeys,
  OpenBatch,
  OpenRun,
  TakeRequest,
  TurnRequest,
  Work,
  WorkReceipt,
} from './work.ts'

export * from './reading.ts'
export type * from './work.ts'

/** At once from an engine in this thread, later from a server: the same code awaits both. */
export type Awaitable<Value> = Value | Promise<Value>

/** All that the ack path knows of a store. */
export interface Journal {
  /**
   * Resolves once the batch is on disk. Rejects with a ReceiverError (`store_full`, `store_busy`,
   * `store_broken`, `store_gone`, `store_closed`) when it is not; it may then still be there after a restart.
   */
  append(batch: Batch): Promise<void>
}

/** Why a waiting loop should look again. Only a hint: looking now and then is correct alone. */
export type StoreHint = 'batches' | 'jobs' | 'erased'

/** What the loop behind the acknowledgements needs. Every operation rejects like `append`. */
export interface WorkStore {
  /** The oldest batches that are not unpacked and that nobody holds. */
  takeBatches(request: TakeRequest): Awaitable<readonly OpenBatch[]>
  /** Which of these keys (16 bytes each) are known. */
  findKnown(keys: Uint8Array): Awaitable<KnownKeys>
  commit(work: Work): Awaitable<WorkReceipt>
  /** Runs of the handler with open events that nobody holds, the oldest first. Counts the opening. */
  claimRuns(request: ClaimRequest): Awaitable<readonly OpenRun[]>
  /** Due jobs, the longest due first; the attempt is counted here. None while the handler is paused. */
  claimJobs(request: ClaimRequest): Awaitable<readonly ClaimedJob[]>
  /** Puts off the end of the leases. Without effect where nobody shares the store. */
  extend(held: HeldWork, leaseMs: number): Awaitable<void>
  /** How many of these calls may begin, of all replicas together; none while the handler is paused. */
  takeTurns(request: TurnRequest): Awaitable<number>
  /** Remembers handlers, so that events wait for one that cannot be loaded. */
  saveHandlers(handlers: readonly HandlerRegistration[]): Awaitable<void>
  loadHandlers(): Awaitable<readonly HandlerRegistration[]>
  /** Which of these events are no more. */
  findGone(events: readonly number[]): Awaitable<readonly number[]>
  /** Proves that a write reaches the disk. */
  probe(): Awaitable<void>
  /** Hears of what others have added. Answers how to stop. */
  onHint(listener: (hint: StoreHint) => void): () => void
}

/** What people have done, and what time does. */
export interface Upkeep {
  /**
   * Makes settled jobs pending again, with a fresh count of attempts, and makes those that never
   * were; a pending job stays as it is. Several of one batch and handler become a run. `only` leaves
   * out jobs in another state; discarded ones become pending with `only` as their state, never without.
   * Answers how many.
   */
  replay(jobs: readonly JobName[], only?: SettledState): Awaitable<number>
  /** Jobs that have failed and wait for their next attempt are due now. Answers how many. */
  hasten(jobs: readonly JobName[]): Awaitable<number>
  /** Dead jobs are settled for good, and keep the reason; no other job changes. Answers how many. */
  discard(jobs: readonly JobName[], reason: string): Awaitable<number>
  /** While a handler is paused nothing of it is claimed. False when there is no such handler. */
  setPaused(handler: string, isPaused: boolean): Awaitable<boolean>
  /**
   * Takes an unreadable piece out of quarantine and puts its bytes into the journal again, as a batch
   * of its own with the time at which they were received. False when it is not there any more.
   */
  requeue(quarantineId: string, batchId: string): Awaitable<boolean>
  /** Forgets a bounded number of old rows, so that nothing waits long; call again until it is done. */
  prune(request: PruneRequest): Awaitable<PruneReceipt>
  readTime(): Awaitable<StoreTime>
  /**
   * Removes what tells of a person, in a bounded number of rows, so that nothing waits long; call
   * again until it is done. Keys stay: what is sent again is known. Batches that wait are not looked at.
   */
  erase(request: EraseRequest): Awaitable<EraseReceipt>
  /** Adds to the trail of what people had done; nothing takes anything away from it. */
  recordAudit(entry: AuditEntry): Awaitable<void>
  /** Undefined: nobody has written it yet. */
  readNote(name: string): Awaitable<Note | undefined>
  /** `version` is the one that was read, 0 for none. False when somebody has written since. */
  writeNote(name: string, note: Note): Awaitable<boolean>
}

/** After which operations there is something to look for. */
export const HINTS_AFTER: Readonly<Record<string, StoreHint>> = {
  replay: 'jobs',
  hasten: 'jobs',
  setPaused: 'jobs',
  requeue: 'batches',
  erase: 'erased',
} satisfies Partial<Record<keyof Upkeep, StoreHint>>

/** What the receiver remembers besides: a small text that one writer at a time replaces. */
export interface Note {
  /** Counts the writes. */
  readonly version: number
  readonly body: string
}

/** Events of which times a back-fill may have put in; milliseconds since 1970. */
export interface BackfilledSpan {
  readonly from: number
  readonly to: number
}

/** One transaction that was committed. */
export interface StoreCommit {
  /** It waited for the disk; others become durable with a later one. */
  readonly isDurable: boolean
  readonly durationMs: number
  /** The last part of it: the commit itself, and with it the sync. */
  readonly syncMs: number
}

/** The states in which a job stays until a person says otherwise. */
export type SettledState = Exclude<JobState, 'pending'>

/** A job is named by its event and its handler. */
export interface JobName {
  readonly event: string
  readonly handler: string
}

/** What to forget; each a time of receipt in milliseconds since 1970. */
export interface PruneRequest {
  readonly eventsBefore: number
  readonly deadBefore: number
  readonly keysBefore: number
  /** The clock by which these were reckoned, if it was checked; remembered for `readTime` at the end. */
  readonly clock?: number
  /** Where the call before left off. */
  readonly after?: string
}

/** What the store knows of time: a clock is compared with it before anything is forgotten by age. */
export interface StoreTime {
  /** When a clock was last believed here, or the newest batch was received; undefined: nothing is known. */
  readonly seenAt: number | undefined
  /** By the database's own clock, where it has one. */
  readonly databaseNow: number | undefined
}

export interface PruneReceipt {
  readonly removed: number
  /** There may be more: call again with this. */
  readonly after: string | undefined
}

/** The operations of an engine in this thread. */
export type AtOnce<Operations> = {
  [Name in keyof Operations]: Operations[Name] extends (...args: infer Args) => infer Answer
    ? (...args: Args) => Awaited<Answer>
    : never
}

/** The same of another thread or a server; whoever hears hints is heard at once. */
export type Promised<Operations> = {
  [Name in keyof Operations]: Name extends 'onHint'
    ? Operations[Name]
    : Operations[Name] extends (...args: infer Args) => infer Answer
      ? (...args: Args) => Promise<Awaited<Answer>>
      : never
}

/** The store as the thread that answers sees it, whichever thread or server does the work. */
export interface Store extends Journal, Archive, Promised<Upkeep> {
  loadHandlers(): Promise<readonly HandlerRegistration[]>
  probe(): Promise<void>
  /**
   * Overwrites what the engine left of deleted rows, as far as that is the store's affair. False
   * when the traces can still be found in its files.
   */
  wipe(traces: readonly string[]): Promise<boolean>
  close(): Promise<void>
}

export interface EraseRequest {
  /** What tells of the person: the e-mail address, and what stands for it where it was hashed. */
  readonly traces: readonly string[]
  /** Where the call before left off. */
  readonly after?: string
}

export interface EraseReceipt {
  /** Events that held a trace; they are gone, with their jobs. */
  readonly events: number
  /** Unreadable pieces that held one; gone as well. */
  readonly pieces: number
  /** Errors of other events' jobs that held one; their text is gone. */
  readonly errors: number
  /** Events looked at. */
  readonly seen: number
  /** There is more: call again with this. */
  readonly after: string | undefined
}

/** What became of a person. */
export interface ErasureReport {
  /** Events with their jobs, unreadable pieces, errors of other people's jobs, files set aside. */
  readonly events: number
  readonly pieces: number
  readonly errors: number
  readonly files: number
  /** Batches that hold a trace and were not unpacked in time: to be erased again. */
  readonly waiting: number
  /** False: the bytes of deleted rows can still be found in the store's files. */
  readonly isWiped: boolean
}

/** Events looked at, of those there were. */
export type ErasureProgress = (done: number, total: number) => void

/** What the local spool in front of a shared store holds, and has done. */
export interface SpoolStats {
  /** Batches in the spool, the refused ones included. */
  readonly waiting: number
  /** Of these, how many the store has refused for what they are. */
  readonly refused: number
  /** Since this process started: kept in the spool, moved to the store, files moved aside. */
  readonly spooled: number
  readonly drained: number
  readonly setAside: number
}

/** The same, and its place on the disk. */
export interface SpoolFigures extends SpoolStats {
  /** What its files take on the disk. */
  readonly bytes: number
  /** How full the disk is. */
  readonly diskUsedPercent: number
  /** Since when batches wait, or the process began with some; undefined while none do. */
  readonly since: number | undefined
}
