import type { Writable } from 'node:stream'

/** Lines that may wait for a slow reader, in bytes; what comes beyond is dropped and counted. */
const MAX_WAITING_BYTES = 1024 * 1024

/** Where log lines go. Writing never waits and never throws. */
export interface LogOutput {
  write(line: string): void
}

/**
 * Writes lines to a stream whose reader may be slow, stuck or gone: that must never hold up an
 * answer to a provider. Lines that find no room are dropped; the next that does is told their
 * number by `describeDropped`. On Linux stdout to a pipe does not block; to a file or a terminal
 * it does, for as long as these take.
 */
export function createLogOutput(options: {
  stream: Writable
  describeDropped: (lines: number) => string
  maxWaitingBytes?: number
}): LogOutput {
  const { stream, describeDropped, maxWaitingBytes = MAX_WAITING_BYTES } = options
  let droppedLines = 0
  let isBroken = false
  // Without a listener a reader that goes away (EPIPE) would end the process.
  stream.on('error', () => {
    isBroken = true
  })

  return {
    write(line) {
      if (isBroken || stream.writableLength + line.length > maxWaitingBytes) {
        droppedLines += 1
        return
      }
      if (droppedLines > 0) {
        stream.write(describeDropped(droppedLines))
        droppedLines = 0
      }
      stream.write(line)
    },
  }
}
