import type { ObserverListener } from '../observe/observer.ts'
import type { Crash, WatchedFacts } from './cause.ts'

const CRASHES_MS = 300_000
/** Of one handler, more tell nothing new. */
const MOST_CRASHES = 1_000
const REFUSED_MS = 3_600_000

export interface FactWatch {
  readonly listener: ObserverListener
  read(): WatchedFacts
}

/** Remembers of what happens as much as causes need. `now` is milliseconds since 1970. */
export function createFactWatch(now: () => number): FactWatch {
  const crashes = new Map<string, Crash[]>()
  let refused: { count: number; since: number; lastAt: number } | undefined
  let clockDoubtedAt: number | undefined
  let spoolFailedAt: number | undefined
  /** Once is what an outage does that is over. */
  let pruningFailures: readonly number[] = []
  let backgroundFailedAt: number | undefined

  return {
    listener: {
      handlerEnded({ handler, reason, isPlanned }) {
        if (isPlanned) return
        const before = crashes.get(handler) ?? []
        // Any other reason may be in the words of the handler.
        const exit = /^(?:exit code \d+|signal SIG\w+)$/.exec(reason)?.[0]
        crashes.set(handler, [...before, { at: now(), exit }].slice(-MOST_CRASHES))
      },
      handlerForgotten({ handler }) {
        crashes.delete(handler)
      },
      requestRefused({ reason }) {
        if (reason !== 'address_genuine') return
        const at = now()
        const before = refused && at - refused.lastAt < REFUSED_MS ? refused : undefined
        refused = { count: (before?.count ?? 0) + 1, since: before?.since ?? at, lastAt: at }
      },
      pruneHeldBack() {
        clockDoubtedAt ??= now()
      },
      pruned() {
        clockDoubtedAt = undefined
        pruningFailures = []
      },
      storeFailed({ code }) {
        if (code === 'prune') pruningFailures = [...pruningFailures, now()].slice(0, 2)
      },
      upkeepFailed() {
        backgroundFailedAt ??= now()
      },
      upkeepRecovered() {
        backgroundFailedAt = undefined
      },
      spoolFailed() {
        spoolFailedAt ??= now()
      },
      spoolRecovered() {
        spoolFailedAt = undefined
      },
    },
    read() {
      const at = now()
      const pruningFailed = pruningFailures.length > 1 ? pruningFailures : []
      const upkeepFailedAt = Math.min(...pruningFailed, backgroundFailedAt ?? Infinity)
      const isRecent = refused !== undefined && at - refused.lastAt < REFUSED_MS
      return {
        crashes: Object.fromEntries(
          [...crashes].flatMap(([handler, all]) => {
            const recent = all.filter((crash) => at - crash.at < CRASHES_MS)
            return recent.length > 0 ? [[handler, recent]] : []
          }),
        ),
        refusedByAddress: isRecent ? refused : undefined,
        clockDoubtedAt,
        spoolFailedAt,
        upkeepFailedAt: Number.isFinite(upkeepFailedAt) ? upkeepFailedAt : undefined,
      }
    },
  }
}
