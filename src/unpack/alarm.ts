/** The timers of a loop; those of the platform unless a test has its own. */
export interface Timers {
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

/** A wait that can be cut short. */
export interface Alarm {
  /** Resolves after `ms`, or at once when it rings or has rung since the last wait. */
  wait(ms: number): Promise<void>
  ring(): void
}

export function createAlarm(timers: Timers): Alarm {
  let hasRung = false
  let wake: (() => void) | undefined

  return {
    async wait(ms) {
      if (!hasRung) {
        await new Promise<void>((resolve) => {
          const timer = timers.setTimeout(resolve, ms)
          wake = () => {
            timers.clearTimeout(timer)
            resolve()
          }
        })
      }
      wake = undefined
      hasRung = false
    },
    ring() {
      hasRung = true
      wake?.()
    },
  }
}
