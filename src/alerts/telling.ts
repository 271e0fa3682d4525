import type { Cause } from './cause.ts'

/** What is remembered of a cause. Times in milliseconds since 1970. */
interface KnownCause {
  readonly since: number
  /** First and last seen, by whichever replica; the last one coarsely, so that little is written. */
  readonly firstSeenAt: number
  readonly seenAt: number
  readonly text: string
  readonly remedy: string
  readonly amount: number
  /** What was told of it last. */
  readonly told: 'nothing' | 'began' | 'ended'
  readonly toldAmount: number
  /** When it was told last that it began, or grew; 0: never. */
  readonly begunToldAt: number
  /** Until then nobody else tells. */
  readonly heldUntil: number
  /** Failures in a row to tell it. */
  readonly failures: number
}

export type KnownCauses = Readonly<Record<string, KnownCause>>

export type AlertState = 'began' | 'grew' | 'ended'

/** What is to be told now. */
export interface Telling extends Pick<Cause, 'cause' | 'text' | 'remedy'> {
  readonly state: AlertState
  /** Milliseconds since 1970. */
  readonly since: number
}

/** Of the time between two looks: what is seen only once may be over before anybody could look. */
const STEADY = 0.8
/** A cause that nobody has seen for so long is over. */
const OVER_MS = 90_000
/** `seenAt` is written as often as this. */
const COARSE_MS = 30_000
const TELL_AGAIN_MS = 3_600_000
/** Longer than an answer may take. */
const HOLD_MS = 30_000
const LONGEST_HOLD_MS = 600_000

interface TakeRules {
  readonly at: number
  /** Between two looks of a replica. */
  readonly everyMs: number
  /** As long before nobody may have looked. */
  readonly watchedSince: number
  /** False: there is nobody to tell. */
  readonly isTold: boolean
}

/**
 * Takes what is seen at a moment into what is known, and answers what is to be told: that a cause
 * began, or grew, at most once an hour; that one is over, whenever it was told that it began. What is
 * to be told is held for whoever asked, until it is told or the hold ends. Pure.
 */
export function takeCauses(
  known: KnownCauses,
  causes: readonly Cause[],
  { at, everyMs, watchedSince, isTold }: TakeRules,
): { readonly causes: KnownCauses; readonly tellings: readonly Telling[] } {
  const seen = new Map(causes.map((cause) => [cause.cause, cause]))
  const names = new Set([...Object.keys(known), ...seen.keys()])
  const next: Record<string, KnownCause> = {}
  const tellings: Telling[] = []
  for (const name of names) {
    const cause = seen.get(name)
    const before = known[name] && believe(known[name], at)
    const now = cause ? noteSeen(before, cause, at) : before
    if (!now) continue
    const isOver = at - Math.max(now.seenAt, watchedSince) >= OVER_MS
    // Nothing is left to be told, and the hour is over in which it may not begin again.
    const isPast = now.told !== 'began' && at - now.begunToldAt >= TELL_AGAIN_MS
    if (isOver && isPast) continue
    const isHeld = !isTold || at < now.heldUntil
    const end = now.told === 'began' && isOver ? 'ended' : undefined
    const news = cause ? findNews(now, at, everyMs * STEADY) : end
    const state = isHeld ? undefined : news
    next[name] = state === undefined ? now : hold(now, at)
    const { since, text, remedy } = now
    if (state !== undefined) tellings.push({ cause: name, state, since, text, remedy })
  }
  return { causes: next, tellings }
}

/**
 * A clock that was set back leaves times that are still to come, and would silence a cause until then. Those
 * of replicas may differ a little.
 */
function believe(known: KnownCause, at: number): KnownCause {
  const { firstSeenAt, seenAt, heldUntil } = known
  const aheadMs = Math.max(firstSeenAt, seenAt, heldUntil - LONGEST_HOLD_MS) - at
  if (aheadMs < OVER_MS) return known
  const atMost = (time: number) => Math.min(time, at)
  return {
    ...known,
    firstSeenAt: atMost(firstSeenAt),
    seenAt: atMost(seenAt),
    heldUntil: atMost(heldUntil),
  }
}

function noteSeen(known: KnownCause | undefined, cause: Cause, at: number): KnownCause {
  const { text, remedy, amount = 0 } = cause
  const isLost = known?.told === 'nothing' && at - known.seenAt >= OVER_MS
  if (!known || known.told === 'ended' || isLost) {
    return {
      ...{ since: cause.since ?? at, firstSeenAt: at, seenAt: at, text, remedy, amount },
      ...{ told: 'nothing', toldAmount: 0, begunToldAt: known?.begunToldAt ?? 0 },
      ...{ heldUntil: 0, failures: 0 },
    }
  }
  if (at - known.seenAt < COARSE_MS && amount === known.amount) return known
  return { ...known, text, remedy, amount, seenAt: Math.max(at, known.seenAt) }
}

/** Of one that is seen. */
function findNews(known: KnownCause, at: number, steadyMs: number): AlertState | undefined {
  const { told, firstSeenAt, begunToldAt, amount, toldAmount } = known
  // A clock that was set back must not silence it.
  const isRecent = begunToldAt <= at && at - begunToldAt < TELL_AGAIN_MS
  if (isRecent) return undefined
  if (told === 'nothing') return at - firstSeenAt >= steadyMs ? 'began' : undefined
  return told === 'began' && amount > toldAmount ? 'grew' : undefined
}

function hold(known: KnownCause, at: number): KnownCause {
  const ms = Math.min(LONGEST_HOLD_MS, HOLD_MS * 2 ** Math.min(known.failures, 10))
  return { ...known, heldUntil: at + ms, failures: known.failures + 1 }
}

/** Takes in what was told. */
export function noteTold(known: KnownCauses, { cause, state }: Telling, at: number): KnownCauses {
  const now = known[cause]
  if (!now) return known
  const told: KnownCause = { ...now, heldUntil: 0, failures: 0 }
  return {
    ...known,
    [cause]:
      state === 'ended'
        ? { ...told, told: 'ended' }
        : { ...told, told: 'began', toldAmount: now.amount, begunToldAt: at },
  }
}

/**
 * What was written, and what this process did since without being able to write it: of each cause the
 * one that was told of later counts, then the one that was seen later.
 */
export function mergeKnown(written: KnownCauses, own: KnownCauses): KnownCauses {
  const merged: Record<string, KnownCause> = { ...written }
  for (const [name, mine] of Object.entries(own)) {
    const theirs = merged[name]
    const isNewer =
      theirs === undefined ||
      mine.begunToldAt > theirs.begunToldAt ||
      (mine.begunToldAt === theirs.begunToldAt &&
        (mine.told === 'ended' || mine.seenAt > theirs.seenAt))
    if (isNewer) merged[name] = mine
  }
  return merged
}
