import type { Readable } from 'node:stream'

/** Short, so that what one moment may cost does not hold up the loop. */
const MOMENT_MS = 50

export interface SlowReading {
  /** Cost that is read in one second, spread evenly over it. */
  readonly costPerSecond: number
  /** Takes a chunk and answers what it cost, in bytes or the like. */
  readonly onChunk: (chunk: Buffer) => number
  /** Called while the limit is reached, with for how long, less the time it was not. */
  readonly onSaturated?: (forMs: number) => void
}

/**
 * Reads a stream whose writer is not to be trusted. What is too much stays in the pipe, so that
 * its writer waits, and neither our loop nor our memory pays for it.
 * Answers a function that lifts the limit, for the rest of a stream whose writer has ended.
 */
export function readSlowly(stream: Readable, reading: SlowReading): () => void {
  let limit = (reading.costPerSecond * MOMENT_MS) / 1_000
  let cost = 0
  let saturatedMs = 0
  let moment: NodeJS.Timeout | undefined

  const endMoment = () => {
    moment = undefined
    const isSaturated = cost >= limit
    saturatedMs = Math.max(0, saturatedMs + (isSaturated ? MOMENT_MS : -MOMENT_MS))
    cost = 0
    if (isSaturated) reading.onSaturated?.(saturatedMs)
    stream.resume()
  }
  stream.on('data', (chunk: Buffer) => {
    moment ??= setTimeout(endMoment, MOMENT_MS).unref()
    cost += reading.onChunk(chunk)
    if (cost >= limit) stream.pause()
  })
  stream.on('close', () => clearTimeout(moment))
  // A pipe that breaks is closed next, which is where it is dealt with.
  stream.on('error', () => {})
  return () => {
    limit = Number.POSITIVE_INFINITY
    stream.resume()
  }
}
