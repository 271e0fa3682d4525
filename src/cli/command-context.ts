import type { Readable, Writable } from 'node:stream'

/** Where a command writes: a terminal, a pipe or a file. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** All that a command may know of the process that runs it. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable
  readonly stdout: Output
  readonly stderr: Output
  /** Aborts when the process is asked to stop: a command then ends in good order. */
  readonly stopped: AbortSignal
  /** Aborts when it is asked again: a command then ends at once. */
  readonly stoppedAgain: AbortSignal
  /** Calls `listener` when the process is asked to read its settings again. Answers how to end it. */
  readonly onReloadAsked: (listener: () => void) => () => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Counts while a command runs; milliseconds, never backwards. */
  readonly elapsedMs: () => number
}
