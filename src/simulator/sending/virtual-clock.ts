export type VirtualClock = ReturnType<typeof createVirtualClock>

/**
 * A clock that may run faster than ours, stand still or be set ahead. Times in ms since 1970;
 * `elapsedMs` is our time: milliseconds, never backwards.
 */
export function createVirtualClock(options: {
  readonly startsAt: number
  readonly speed: number
  readonly elapsedMs: () => number
}) {
  const { elapsedMs } = options
  let { speed, startsAt: shown } = options
  let shownAt = elapsedMs()
  const now = () => Math.floor(shown + (elapsedMs() - shownAt) * speed)
  const fix = (time: number) => {
    shown = time
    shownAt = elapsedMs()
  }
  return {
    now,
    get speed() {
      return speed
    },
    /** 1 is ours, 60 makes a minute of a second, 0 stands still. */
    setSpeed(wanted: number) {
      fix(now())
      speed = wanted
    },
    /** Sets it ahead; an earlier time leaves it as it is. */
    set: (time: number) => fix(Math.max(time, now())),
    /** How long we have to wait until it shows `time`; `Infinity` while it stands. */
    waitMs(time: number) {
      const left = time - now()
      if (left <= 0) return 0
      return speed === 0 ? Number.POSITIVE_INFINITY : left / speed
    },
  }
}
