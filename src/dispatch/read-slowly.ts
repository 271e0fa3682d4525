import type { Readable } from 'node:stream'

export interface SlowReading {
  /** Cost that is read in one second; then the stream rests until the second is over. */
  readonly costPerSecond: number
  /** Takes a chunk and answers what it cost, in bytes or the like. */
  readonly onChunk: (chunk: Buffer) => number
  /** Called at the end of a second that used up its cost, with how many did so in a row. */
  readonly onSaturated?: (seconds: number) => void
}

/**
 * Reads a stream whose writer is not to be trusted. What is too much stays in the pipe, so that
 * its writer waits, and neither our loop nor our memory pays for it.
 * Answers a function that lifts the limit, for the rest of a stream whose writer has ended.
 */
export function readSlowly(stream: Readable, reading: SlowReading): () => void {
  let cost = 0
  let saturatedSeconds = 0
  let limit = reading.costPerSecond
  let second: NodeJS.Timeout | undefined

  const endSecond = () => {
    second = undefined
    saturatedSeconds = cost >= limit ? saturatedSeconds + 1 : 0
    cost = 0
    if (saturatedSeconds > 0) reading.onSaturated?.(saturatedSeconds)
    stream.resume()
  }
  stream.on('data', (chunk: Buffer) => {
    second ??= setTimeout(endSecond, 1_000).unref()
    cost += reading.onChunk(chunk)
    if (cost >= limit) stream.pause()
  })
  stream.on('close', () => clearTimeout(second))
  // A pipe that breaks is followed by the end of its process, which is where it is dealt with.
  stream.on('error', () => {})
  return () => {
    limit = Number.POSITIVE_INFINITY
    stream.resume()
  }
}
