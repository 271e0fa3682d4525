import type {
  EventState,
  JobState,
  NormalisedName,
  ProviderName,
  QuarantineReason,
} from '../model.ts'

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

const MOST_ROWS = 500

/** All pages of a search, one after the other. */
export async function* pagesOf<Found extends { readonly cursor: string | undefined }>(
  read: (paging: { readonly limit: number; readonly cursor?: string }) => Promise<Found>,
): AsyncGenerator<Found, void> {
  let cursor: string | undefined
  do {
    const page = await read({ limit: MOST_ROWS, ...(cursor !== undefined && { cursor }) })
    yield page
    cursor = page.cursor
  } while (cursor !== undefined)
}

export interface EventQuery extends PageRequest {
  readonly source?: string
  readonly type?: string
  readonly state?: EventState
  /** In any case. */
  readonly recipient?: string
  readonly messageId?: string
  readonly eventId?: string
  /** The id of one. */
  readonly batch?: string
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

/** One event and one handler: from a job row, or from the bits of a run. */
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
  /** Of a discarded one: when, and why as the person said. */
  readonly discarded?: { readonly at: number; readonly reason: string } | undefined
}

export interface EventDetail extends EventRow {
  readonly payload: string
  readonly jobs: readonly JobRow[]
}

export interface JobQuery extends PageRequest {
  readonly handler?: string
  /** `retrying`: pending ones that were tried. */
  readonly state?: JobState | 'retrying'
}

/** Whether a job is in a state that can be asked for. */
export function isInState(
  job: Pick<JobRow, 'state' | 'attempt'>,
  state: JobState | 'retrying',
): boolean {
  return state === 'retrying' ? job.state === 'pending' && job.attempt > 0 : job.state === state
}

/** With what people know its event by; undefined where that is gone. */
export interface ListedJob extends JobRow {
  readonly type: string | undefined
  readonly recipient: string | undefined
  readonly receivedAt: number | undefined
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

/** Reads for people. May run beside the writes, and sees what was committed. */
export interface Archive {
  stats(): Promise<StoreStats>
  /** Undefined where the store is a file. */
  health(): Promise<DatabaseHealth | undefined>
  listEvents(query: EventQuery): Promise<Page<EventRow>>
  getEvent(id: string): Promise<EventDetail | undefined>
  listJobs(query: JobQuery): Promise<Page<ListedJob>>
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

/** What people have done here by the admin API or a signal. */
export const AUDITED_ACTIONS = [
  'replay',
  'retry',
  'discard',
  'requeue',
  'erase',
  'prune',
  'reload',
  'pause',
  'resume',
  'backfill',
] as const
export type AuditedAction = (typeof AUDITED_ACTIONS)[number]

export interface AuditEntry {
  readonly action: AuditedAction
  /** One entry when it begins, one when it ends. */
  readonly outcome: 'begun' | 'done' | 'failed'
  /** Who asked: part of an address, or `local`. */
  readonly network: string
  /** What was asked for, without personal data. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>
  readonly counts: Readonly<Record<string, number>>
}

export interface AuditRow extends AuditEntry {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Of one handler. Few have discarded jobs: without any, nothing says so. */
export type JobCounts = Readonly<Record<Exclude<JobState, 'discarded'>, number>> & {
  readonly discarded?: number
}

export interface StoreStats {
  /** Milliseconds since 1970. */
  readonly countedAt: number
  readonly batches: { readonly received: number; readonly waiting: number }
  readonly events: {
    readonly total: number
    readonly byState: Readonly<Record<EventState, number>>
    readonly byType: Readonly<Record<string, number>>
  }
  readonly duplicates: number
  readonly quarantined: number
  readonly jobs: Readonly<Record<string, JobCounts>>
  /** By handler, of the pending jobs those that were tried; of others nothing is said. */
  readonly retrying: Readonly<Record<string, number>>
  /** Jobs pending and batches waiting. */
  readonly backlog: number
  /** Age of the oldest of them in milliseconds; 0 without a backlog. */
  readonly oldestPendingMs: number
  /** When the oldest batch was received that is not unpacked; undefined: none waits. */
  readonly oldestWaitingAt: number | undefined
  /** Likewise, by handler, the oldest batch with an event that was not tried yet. */
  readonly oldestUntriedAt: Readonly<Record<string, number>>
}

/** How the database of a shared store is, besides what is in it. */
export interface DatabaseHealth {
  /** Rows that no transaction needs and vacuum has not removed, by table; the database's estimate. */
  readonly deadRows: Readonly<Record<string, number>>
  /** Age of the oldest transaction of anybody in the database: vacuum waits for it. 0 without one. */
  readonly oldestTransactionMs: number
  /** Whose it is; undefined without one. A prepared one belongs to no session: its pid is 0. */
  readonly oldestTransactionBy?: { readonly pid: number; readonly application: string } | undefined
  /** Settings of the server that are off, so that it may lose what it has committed. */
  readonly turnedOff: readonly string[]
}

/** Stored events by time of receipt. `from` and `to` are multiples of `bucketMs`. */
export interface SeriesQuery {
  readonly from: number
  readonly to: number
  /** Whole hours; or whole minutes, of which there are those of the last two days. */
  readonly bucketMs: number
}

export interface SeriesPoint {
  /** Counted from 0 at `from`. */
  readonly bucket: number
  readonly type: string
  readonly n: number
}
