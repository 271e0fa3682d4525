import type { StartTimer } from '../../../src/timers.ts'

/** Timers that ring when the test says so. */
export interface ManualTimers {
  readonly startTimer: StartTimer
  /** Rings every timer of this length that is set; answers how many. */
  ring(ms: number): number
  /** Rings the one of this length that was set first. */
  ringFirst(ms: number): void
  /** Lengths of those that are set. */
  set(): number[]
}

export function createManualTimers(): ManualTimers {
  const timers = new Set<{ ms: number; ring: () => void }>()

  function ringAll(due: readonly { ring: () => void }[]): void {
    for (const timer of timers) if (due.includes(timer)) timers.delete(timer)
    for (const { ring } of due) ring()
  }
  const findDue = (wanted: number) => [...timers].filter(({ ms }) => ms === wanted)

  return {
    startTimer(ms, ring) {
      const timer = { ms, ring }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    ring(ms) {
      const due = findDue(ms)
      ringAll(due)
      return due.length
    },
    ringFirst: (ms) => ringAll(findDue(ms).slice(0, 1)),
    set: () => [...timers].map(({ ms }) => ms),
  }
}
