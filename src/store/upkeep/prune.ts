import { pruneSeries } from '../series.ts'
import type { PruneReceipt, PruneRequest } from '../store.ts'
import type { Steps, UpkeepPort } from './port.ts'
import { pruneBatches, pruneJobs, prunePieces, type WalkStep } from './prune-walks.ts'

export type PruneKeys = (request: PruneRequest) => Steps<WalkStep>
type Walk = (port: UpkeepPort, request: PruneRequest, after: number) => Steps<WalkStep>

/** When a clock was last believed. It may go back: a wrong one was believed. */
export const SEEN_AT = 'clock_seen_at'

/**
 * Forgets by age, a little at a time: what is unreadable, dead jobs, batches with all they hold, keys.
 * Each is walked by number, from where the step before stopped, over everything there is: a time of
 * receipt that is wrong stops nothing behind it.
 */
export function createPruning(port: UpkeepPort, pruneKeys: PruneKeys) {
  const walks: readonly Walk[] = [
    prunePieces,
    pruneJobs,
    pruneBatches,
    (_port, request) => pruneKeys(request),
  ]
  let walk = 0
  let after = 0

  return function* prune(request: PruneRequest): Steps<PruneReceipt> {
    if (!(yield* port.mayPrune())) return { removed: 0, isDone: true }
    let removed = 0
    // A walk that finds nothing costs little: the next one begins at once.
    for (let next = walks[walk]; next && removed === 0; next = walks[walk]) {
      const step = yield* next(port, request, after)
      removed = step.removed
      after = step.after ?? 0
      if (step.after !== undefined) return { removed, isDone: false }
      walk++
    }
    if (walk < walks.length) return { removed, isDone: false }
    walk = 0
    yield* pruneSeries(port, request.eventsBefore)
    if (request.clock !== undefined) yield* port.totals.set(SEEN_AT, request.clock)
    return { removed, isDone: true }
  }
}
