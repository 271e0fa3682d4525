import type { Database } from './driver.ts'
import type { OnEnd } from './transactions.ts'

/** A clock that is slowed down a little, or a thread held up between two readings, is no step. */
const SMALLEST_STEP_MS = 1_000

/**
 * Jobs wait until a time of the wall clock, so that they go on waiting over a restart. A wall clock
 * that is set back would hold them all up by as much; the answer, called in a transaction, sees it
 * by the clock that only goes forward, and sets their times back as well.
 */
export function createClockSteps(
  db: Database,
  { now, elapsedMs, onEnd }: { now: () => number; elapsedMs: () => number; onEnd: OnEnd },
) {
  const setBack = db.prepare(
    `UPDATE jobs SET due_at = due_at - ? WHERE state = 'pending' AND due_at > ?`,
  )
  let lead = now() - elapsedMs()

  return function follow(): void {
    const before = lead
    const current = now() - elapsedMs()
    const stepMs = Math.round(before - current)
    if (stepMs > 0 && stepMs < SMALLEST_STEP_MS) return
    lead = current
    if (stepMs <= 0) return
    setBack.run(stepMs, now())
    onEnd((isKept) => {
      if (!isKept) lead = before
    })
  }
}
