import type { Outcome, ProviderName } from '../model.ts'
import { batchOf } from './event-id.ts'
import type { OfEngine } from './steps.ts'
import type { AttemptRow, BatchFacts, ClaimedJob, FailedEvent, OpenBatch } from './store.ts'

/** What both engines read of work that is handed out. Of a batch; nulls are of one that is gone. */
export interface BatchRow {
  readonly batch_id: string | null
  readonly source: string
  readonly provider: ProviderName
  readonly received_at: number
}

/** A batch that waits. */
export interface OpenBatchRow extends BatchRow {
  readonly seq: number
  readonly content_type: string | null
  readonly sha256: Uint8Array
  readonly unpacked_pieces: number
}

/** A job that is due, but for its bytes. */
export interface JobRow extends BatchRow {
  readonly event: number
  readonly attempt: number
  readonly spared: number
  readonly fence: number
  readonly alone: number
  readonly key: Uint8Array | null
  readonly type: string | null
}

export function readBatch(row: BatchRow, seq: number): BatchFacts {
  return {
    seq,
    id: row.batch_id ?? '',
    source: row.source,
    provider: row.provider,
    receivedAt: row.received_at,
  }
}

export function readOpenBatch(row: OpenBatchRow, body: Uint8Array): OpenBatch {
  return {
    ...readBatch(row, row.seq),
    contentType: row.content_type ?? undefined,
    sha256: Buffer.from(row.sha256).toString('hex'),
    unpackedPieces: row.unpacked_pieces,
    body,
  }
}

export function readJob(row: JobRow, handler: string, payload: Uint8Array): ClaimedJob {
  const { event, attempt, fence } = row
  return {
    event,
    handler,
    attempt,
    counted: attempt - row.spared,
    fence,
    isAlone: row.alone === 1,
    batch: readBatch(row, batchOf(event)),
    key: row.key ?? new Uint8Array(16),
    type: row.type ?? '',
    payload,
  }
}

/** A job keeps the record of its newest attempts only; the schedule has ten. */
const MOST_RECORDED_CHARACTERS = 65_536

/** As SQL: a job's record with one more line, or of a new job; the oldest make room for it. */
export function withLine(
  line: string,
  { engine }: OfEngine,
  failures = `coalesce(failures, '')`,
): string {
  const text = `${failures} || ${line}`
  return engine === 'sqlite'
    ? `substr(${text}, -${MOST_RECORDED_CHARACTERS})`
    : `right(${text}, ${MOST_RECORDED_CHARACTERS})`
}

/** The attempts of a record, a line each. The oldest may have been cut off to keep it short. */
export function readRecord(text: string): AttemptRow[] {
  const lines = text.split('\n').filter((line) => line.startsWith('{"attempt"'))
  return lines.map((line) => JSON.parse(line) as AttemptRow)
}

/**
 * The end of a failure's line, behind the number of the attempt and its time. As JSON, because an
 * error is a handler's text and may hold what no column takes, such as NUL.
 */
export function recordFailure(outcome: FailedEvent['outcome'], durationMs: number): string {
  const kind = outcome.kind === 'dead' ? 'dead' : 'retry'
  const failure = { outcome: kind, durationMs: Math.round(durationMs), error: outcome.error }
  return JSON.stringify(failure).slice(1)
}

/** The end of the line that a person leaves who discards the job, behind its time. */
export const recordDiscard = (reason: string): string =>
  `${JSON.stringify({ reason }).replace('{', ',')}\n`

export const DISCARD_LINE = '{"discarded":'

/** When and why it was discarded last; undefined: never. */
export function readDiscard(text: string): { at: number; reason: string } | undefined {
  const line = text.split('\n').findLast((one) => one.startsWith(DISCARD_LINE))
  if (line === undefined) return undefined
  const { discarded: at, reason } = JSON.parse(line) as { discarded: number; reason: string }
  return { at, reason }
}

/** Whoever died while he ran a job leaves a line, so that the attempt has a trace. */
export const INTERRUPTED = recordFailure(
  { kind: 'alone', error: 'interrupted: the receiver ended before the attempt did' },
  0,
)

/** How long a job waits for its next attempt. */
export const delayOf = (outcome: Outcome): number =>
  outcome.kind === 'retry' ? Math.ceil(outcome.delayMs) : 0

/** 1 for an attempt that counts for no schedule. */
export const countSpared = (outcome: Outcome): number =>
  outcome.kind === 'alone' || (outcome.kind === 'retry' && outcome.isSpared) ? 1 : 0

/** Openings of a run without an end count for no schedule either. */
export const countSparedIn = (opened: number, outcome: Outcome): number =>
  Math.max(0, opened - 1) + countSpared(outcome)
