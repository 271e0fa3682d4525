import type { StopLimits } from './dispatcher-options.ts'
import type { HandlerLane } from './handler-lane.ts'

/** How long the last outcomes may take to be recorded; then they are left to their leases. */
const LAST_SETTLE_MS = 1_000

/** Resolves when `stopped` does, or when the lanes' last attempts were killed. */
export async function endLanes(
  lanes: readonly HandlerLane[],
  stopped: Promise<unknown>,
  { softMs, hardMs }: StopLimits,
): Promise<void> {
  const timers = [
    setTimeout(() => lanes.forEach((lane) => lane.abort()), softMs),
    setTimeout(() => lanes.forEach((lane) => lane.kill()), hardMs),
  ]
  await withinTime(hardMs + LAST_SETTLE_MS, stopped)
  for (const timer of timers) clearTimeout(timer)
}

/** Resolves when `work` does, or after so many milliseconds. */
export async function withinTime(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, timeUp])
  clearTimeout(timer)
}
