import type { Readable } from 'node:stream'

const NEWLINE = 10
/** Short, so that what one moment may cost does not hold up the loop. */
const MOMENT_MS = 50
/** This often is looked whether lines are wanted at all. */
const SLICE_BYTES = 4_096

export interface LineReading {
  /** Of a longer line only the beginning is given, as soon as it has so many bytes. */
  readonly maxLineBytes: number
  /** Bytes that are read in one second, spread evenly over it. */
  readonly bytesPerSecond: number
  /** What a line costs besides its bytes. */
  readonly lineCostBytes?: number
  readonly onLine: (line: Buffer, isCut: boolean) => void
  /** While this is true lines are only counted. */
  readonly isDeaf?: () => boolean
  readonly onUnheard?: (lines: number) => void
  /** Called while the limit is reached, with for how long, less the time it was not. */
  readonly onSaturated?: (forMs: number) => void
}

/**
 * Reads lines of a stream whose writer is not to be trusted: what is too much stays in the pipe, so
 * that its writer waits, and neither our loop nor our memory pays for it.
 * Answers a function that lifts the limit, for the rest of a stream whose writer has ended.
 */
export function readLines(stream: Readable, reading: LineReading): () => void {
  const { bytesPerSecond, lineCostBytes = 0, onLine, isDeaf, onUnheard, onSaturated } = reading
  let limit = (bytesPerSecond * MOMENT_MS) / 1_000
  let cost = 0
  let saturatedMs = 0
  let moment: NodeJS.Timeout | undefined
  const splitter = new LineSplitter(reading.maxLineBytes, (line, isCut) => {
    cost += lineCostBytes
    onLine(line, isCut)
  })
  const take = (slice: Buffer) => {
    if (!isDeaf?.()) return splitter.push(slice)
    onUnheard?.(countLines(slice))
    splitter.clear()
  }
  const endMoment = () => {
    moment = undefined
    const isSaturated = cost >= limit
    saturatedMs = Math.max(0, saturatedMs + (isSaturated ? MOMENT_MS : -MOMENT_MS))
    cost = 0
    if (isSaturated) onSaturated?.(saturatedMs)
    stream.resume()
  }
  stream.on('data', (chunk: Buffer) => {
    moment ??= setTimeout(endMoment, MOMENT_MS).unref()
    cost += chunk.length
    if (!isDeaf) splitter.push(chunk)
    else
      for (let at = 0; at < chunk.length; at += SLICE_BYTES)
        take(chunk.subarray(at, at + SLICE_BYTES))
    if (cost >= limit) stream.pause()
  })
  stream.on('end', () => splitter.finish())
  stream.on('close', () => clearTimeout(moment))
  // A pipe that breaks is closed next, which is where it is dealt with.
  stream.on('error', () => {})
  return () => {
    limit = Number.POSITIVE_INFINITY
    stream.resume()
  }
}

/** Cuts a byte stream into lines and holds no more of an unfinished one than is given of it. */
class LineSplitter {
  readonly #maxLineBytes: number
  readonly #onLine: LineReading['onLine']
  #held = NOTHING
  #heldBytes = 0
  /** The beginning of this line was given; the rest is passed over. */
  #isCut = false

  constructor(maxLineBytes: number, onLine: LineReading['onLine']) {
    this.#maxLineBytes = maxLineBytes
    this.#onLine = onLine
  }

  push(chunk: Buffer): void {
    let from = 0
    for (let to = chunk.indexOf(NEWLINE); to !== -1; to = chunk.indexOf(NEWLINE, from)) {
      this.#end(chunk.subarray(from, to))
      from = to + 1
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from))
  }

  /** Ends an unfinished line, if there is one. */
  finish(): void {
    if (this.#heldBytes > 0) this.#give(false)
  }

  /** Forgets an unfinished line. */
  clear(): void {
    this.#heldBytes = 0
    this.#isCut = false
  }

  #end(rest: Buffer): void {
    const isWhole = this.#heldBytes === 0 && !this.#isCut && rest.length <= this.#maxLineBytes
    if (isWhole) return this.#onLine(rest, false)
    this.#hold(rest)
    if (!this.#isCut) this.#give(false)
    this.clear()
  }

  /** Copies: a part of a chunk would keep the whole chunk in memory. */
  #hold(part: Buffer): void {
    if (this.#isCut) return
    const bytes = Math.min(part.length, this.#maxLineBytes - this.#heldBytes)
    if (this.#heldBytes + bytes > this.#held.length) {
      const grown = Buffer.alloc(Math.min(this.#maxLineBytes, 2 * (this.#heldBytes + bytes)))
      this.#held.copy(grown, 0, 0, this.#heldBytes)
      this.#held = grown
    }
    part.copy(this.#held, this.#heldBytes, 0, bytes)
    this.#heldBytes += bytes
    if (bytes === part.length) return
    this.#isCut = true
    this.#give(true)
  }

  #give(isCut: boolean): void {
    const line = this.#held.subarray(0, this.#heldBytes)
    this.#held = NOTHING
    this.#heldBytes = 0
    this.#onLine(line, isCut)
  }
}

const NOTHING = Buffer.alloc(0)

/** A plain loop: on bytes that are all line ends, `indexOf` costs a hundred times as much. */
function countLines(chunk: Buffer): number {
  let lines = 0
  for (let at = 0; at < chunk.length; at++) if (chunk[at] === NEWLINE) lines++
  return lines
}
