import type { Outcome } from '../model.ts'
import type { AttemptRow, FailedEvent } from './store.ts'

/** A job keeps the record of its newest attempts only; the schedule has ten. */
export const MOST_RECORDED_CHARACTERS = 65_536

/** As SQL: a job's record with one more line; the oldest make room for it. */
export function withLine(line: string, { engine }: { engine: 'sqlite' | 'postgres' }): string {
  const text = `coalesce(failures, '') || ${line}`
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
