import type { Readable } from 'node:stream'
import type { LineBudget } from './line-budget.ts'
import { LineSplitter } from './line-splitter.ts'
import { readSlowly } from './read-slowly.ts'

const MAX_LINE_BYTES = 4_096
const MAX_BYTES_PER_SECOND = 8 * 1024 * 1024
/** Seconds in a row at the limit above after which it is no longer an accident. */
const MAX_FLOOD_SECONDS = 10
const NEWLINE = 10

export interface OutputCapture {
  readonly budget: LineBudget
  readonly onLine: (text: string) => void
  readonly onFlood: () => void
}

/**
 * Reads a process's stdout or stderr line by line, bounded in length and rate.
 * Answers a function that reads what is left once the process has ended.
 */
export function captureOutput(stream: Readable, capture: OutputCapture): () => void {
  const { budget } = capture
  const splitter = new LineSplitter(MAX_LINE_BYTES, (line, isCut) => {
    if (line.length === 0 || !budget.take()) return
    const text = line.toString('utf8').trimEnd()
    capture.onLine(isCut ? `${text}…` : text)
  })
  const finish = readSlowly(stream, {
    costPerSecond: MAX_BYTES_PER_SECOND,
    onChunk(chunk) {
      if (budget.isSpent) {
        budget.drop(countLines(chunk))
        splitter.clear()
      } else {
        splitter.push(chunk)
      }
      return chunk.length
    },
    onSaturated(seconds) {
      if (seconds >= MAX_FLOOD_SECONDS) capture.onFlood()
    },
  })
  stream.on('end', () => splitter.finish())
  return finish
}

/** A plain loop: on bytes that are all line ends, `indexOf` costs a hundred times as much. */
function countLines(chunk: Buffer): number {
  let lines = 0
  for (let at = 0; at < chunk.length; at++) if (chunk[at] === NEWLINE) lines++
  return lines
}
