/** How many lines a handler may write; the rest is dropped and counted. */
export interface LineBudget {
  /** Takes room for one line; false when there is none, and the line counts as dropped. */
  take(): boolean
  drop(lines: number): void
  readonly isSpent: boolean
  /** Tells of the last dropped lines. */
  close(): void
}

export function createLineBudget(
  linesPerSecond: number,
  onDropped: (lines: number) => void,
): LineBudget {
  let taken = 0
  let dropped = 0
  let second: NodeJS.Timeout | undefined

  const endSecond = () => {
    clearTimeout(second)
    second = undefined
    const lines = dropped
    taken = 0
    dropped = 0
    if (lines > 0) onDropped(lines)
  }
  const beginSecond = () => {
    second ??= setTimeout(endSecond, 1_000).unref()
  }
  return {
    take() {
      beginSecond()
      if (taken < linesPerSecond) {
        taken++
        return true
      }
      dropped++
      return false
    },
    drop(lines) {
      beginSecond()
      dropped += lines
    },
    get isSpent() {
      return taken >= linesPerSecond
    },
    close: endSecond,
  }
}
