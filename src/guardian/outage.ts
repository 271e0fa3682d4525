import { NEAR_PAUSE_RETRIES, type OutageFigures } from '../observe/figures.ts'
import { MAILTRAP_RETRIES } from '../providers/mailtrap/mailtrap.ts'

/** How we are, and how we were. Times in milliseconds since 1970. */
export interface OutageState {
  readonly wellSince: number | undefined
  /** When the outage that goes on began. */
  readonly beganAt: number | undefined
  readonly hasAlarmed: boolean
  readonly last: OutageFigures | undefined
}

/** At the start: nobody answered since `lastWellAt`, which an earlier run wrote down. */
export function startOutages(lastWellAt: number | undefined, now: number): OutageState {
  return { wellSince: undefined, beganAt: lastWellAt ?? now, hasAlarmed: false, last: undefined }
}

interface OutageStep {
  readonly state: OutageState
  /** It ended just now, after it had cost retries. */
  readonly ended?: OutageFigures
  /** Just now it came near to where the provider gives up. */
  readonly nearing?: OutageFigures
}

/** Notes how we are at this moment. Pure. */
export function noteHealth(state: OutageState, isWell: boolean, now: number): OutageStep {
  if (isWell && state.beganAt === undefined) {
    return { state: { ...state, wellSince: state.wellSince ?? now } }
  }
  const beganAt = state.beganAt ?? now
  const figures = describeOutage(beganAt, now)
  if (isWell) {
    const next = { wellSince: now, beganAt: undefined, hasAlarmed: false, last: figures }
    return figures.retriesUsed > 0 ? { state: next, ended: figures } : { state: next }
  }
  const isNear = figures.retriesUsed >= NEAR_PAUSE_RETRIES && !state.hasAlarmed
  const next = { ...state, wellSince: undefined, beganAt, hasAlarmed: state.hasAlarmed || isNear }
  return isNear ? { state: next, nearing: figures } : { state: next }
}

/** How much of the provider's patience an outage takes: an estimate, for it may have begun to try later. */
export function describeOutage(beganAt: number, now: number): OutageFigures {
  const durationMs = Math.max(0, now - beganAt)
  const { count, everyMs } = MAILTRAP_RETRIES
  return {
    beganAt,
    durationMs,
    retriesUsed: Math.min(count, Math.floor(durationMs / everyMs)),
    retriesLimit: count,
  }
}

const LONGEST_MS = 900_000

/**
 * How long until the provider is asked again. A failure doubles the wait, up to 15 minutes; what
 * the provider asks for counts where it is longer. Spread by a tenth, so that replicas do not ask
 * all at once. `random` is from 0 to 1.
 */
export function nextLookMs(options: {
  readonly intervalMs: number
  /** In a row; 0 after a success. */
  readonly failures: number
  readonly retryAfterMs: number | undefined
  readonly random: number
}): number {
  const { intervalMs, failures, retryAfterMs = 0, random } = options
  const doubled = intervalMs * 2 ** Math.min(failures, 10)
  const wait = Math.max(intervalMs, Math.min(LONGEST_MS, doubled))
  return Math.max(wait * (0.9 + 0.2 * random), retryAfterMs)
}
