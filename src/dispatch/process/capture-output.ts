import type { Readable } from 'node:stream'
import { LineSplitter } from '../line-splitter.ts'
import type { LineBudget } from './line-budget.ts'
import { readSlowly } from './read-slowly.ts'

const MAX_LINE_BYTES = 4_096
const MAX_BYTES_PER_SECOND = 8 * 1024 * 1024
/** How long it may write as much as that, or more, before it is no longer an accident. */
const MAX_FLOOD_MS = 10_000
/** Lines beyond the pace are only counted; this often is looked whether the pace is reached. */
const SLICE_BYTES = 4_096
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
    if (!budget.take() || line.length === 0) return
    const text = line.toString('utf8').trimEnd()
    capture.onLine(isCut ? `${text}…` : text)
  })
  const takeSlice = (slice: Buffer) => {
    if (!budget.isSpent) return splitter.push(slice)
    budget.drop(countLines(slice))
    splitter.clear()
  }
  const finish = readSlowly(stream, {
    costPerSecond: MAX_BYTES_PER_SECOND,
    onChunk(chunk) {
      for (let from = 0; from < chunk.length; from += SLICE_BYTES) {
        takeSlice(chunk.subarray(from, from + SLICE_BYTES))
      }
      return chunk.length
    },
    onSaturated(forMs) {
      if (forMs >= MAX_FLOOD_MS) capture.onFlood()
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
