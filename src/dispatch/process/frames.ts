import type { Duplex, Readable, Writable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type ChildFrame, childFrame, type ParentFrame, type TokenJob } from '../channel-frames.ts'
import { LineSplitter } from '../line-splitter.ts'
import { readSlowly } from './read-slowly.ts'

/** The failures and log lines of one frame fit, at their longest. */
const MAX_LINE_BYTES = 2 * 1024 * 1024
const MAX_COST_PER_SECOND = 32 * 1024 * 1024
/** However short it is: 40,000 frames a second, twice what a handler that does nothing writes. */
const FRAME_COST_BYTES = 800
/** So that no frame holds up the loop: 250 jobs of 500 bytes are written in under a millisecond. */
const MAX_RUN_JOBS = 250
const MAX_RUN_CHARS = 256 * 1024

export interface FrameListener {
  readonly onFrame: (frame: ChildFrame) => void
  /** The child, or its handler, writes what is no frame: nothing more of it can be believed. */
  readonly onHostile: (reason: string) => void
}

/** Reads a child's frames. Answers a function that reads what is left once the child has ended. */
export function readFrames(stream: Readable, listener: FrameListener): () => void {
  let isHostile = false
  let frames = 0
  const distrust = (reason: string) => {
    if (isHostile) return
    isHostile = true
    listener.onHostile(reason)
  }
  const splitter = new LineSplitter(MAX_LINE_BYTES, (line) => {
    frames++
    if (isHostile) return
    const frame = parseFrame(line)
    if (frame) listener.onFrame(frame)
    else distrust('it wrote something else to the channel of its outcomes')
  })
  return readSlowly(stream, {
    costPerSecond: MAX_COST_PER_SECOND,
    onChunk(chunk) {
      frames = 0
      if (!isHostile) splitter.push(chunk)
      if (splitter.heldTooMuch) distrust('it wrote an endless line to the channel of its outcomes')
      return chunk.length + frames * FRAME_COST_BYTES
    },
  })
}

function parseFrame(line: Buffer): ChildFrame | undefined {
  try {
    return childFrame.parse(JSON.parse(line.toString('utf8')))
  } catch {
    return undefined
  }
}

/** Writes to a child: jobs in portions, and never more than its pipe takes. */
export class FrameWriter {
  readonly #stream: Writable
  #unsent: TokenJob[] = []
  #isSending = false

  constructor(stream: Duplex) {
    this.#stream = stream
  }

  run(jobs: readonly TokenJob[]): void {
    this.#unsent.push(...jobs)
    if (!this.#isSending) void this.#sendAll()
  }

  /** Sends at once; for what is short. */
  send(frame: ParentFrame): void {
    if (this.#stream.writable) this.#stream.write(`${JSON.stringify(frame)}\n`)
  }

  /** Takes back the tokens of jobs that were not sent yet. */
  takeUnsent(): number[] {
    const tokens = this.#unsent.map((job) => job.token)
    this.#unsent = []
    return tokens
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true
    while (this.#unsent.length > 0 && this.#stream.writable) {
      const isTaken = this.#stream.write(this.#nextFrame())
      await (isTaken ? nextTurn() : drained(this.#stream))
    }
    this.#isSending = false
  }

  #nextFrame(): string {
    const parts: string[] = []
    let chars = 0
    for (const job of this.#unsent) {
      if (parts.length === MAX_RUN_JOBS || chars >= MAX_RUN_CHARS) break
      const part = JSON.stringify(job)
      if (parts.length > 0 && chars + part.length > MAX_RUN_CHARS) break
      parts.push(part)
      chars += part.length
    }
    this.#unsent = this.#unsent.slice(parts.length)
    return `{"run":[${parts.join(',')}]}\n`
  }
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
  })
}
