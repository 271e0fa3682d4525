import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { ParentFrame } from '../channel-frames.ts'
import { LineSplitter } from '../line-splitter.ts'

const CHANNEL_FD = 3
/** The parent is trusted; this only keeps the arithmetic honest. An event has 10 MB at most. */
const MAX_LINE_BYTES = 256 * 1024 * 1024

/** The child's end of the pipe. Takes what it needs now: the handler may patch it later. */
export class HostChannel {
  readonly #socket = new Socket({ fd: CHANNEL_FD, readable: true, writable: true })
  readonly #parse = JSON.parse
  #isEnding = false

  /** `onGone`: the parent has ended. */
  listen(onFrame: (frame: ParentFrame) => void, onGone: () => void): void {
    const splitter = new LineSplitter(MAX_LINE_BYTES, (line) =>
      onFrame(this.#parse(line.toString())),
    )
    this.#socket.on('data', (chunk) => splitter.push(chunk))
    const takeEnd = () => {
      if (!this.#isEnding) onGone()
    }
    this.#socket.on('error', takeEnd)
    this.#socket.on('close', takeEnd)
  }

  /** Undefined when the frame is in the pipe, else a promise of that. */
  write(frame: string): Promise<void> | undefined {
    this.#socket.write(`${frame}\n`)
    if (this.#socket.writableLength === 0) return undefined
    return new Promise((resolve) => this.#socket.write('', () => resolve()))
  }

  /** For a process that has no turn left. A frame that the pipe has no room for is lost. */
  writeAtOnce(frame: string): void {
    if (this.#socket.writableLength > 0) return
    try {
      writeSync(CHANNEL_FD, `${frame}\n`)
    } catch {
      // The pipe is full or the parent gone.
    }
  }

  /** Resolves when all that was written is in the pipe. */
  end(): Promise<void> {
    this.#isEnding = true
    return new Promise((resolve) => this.#socket.end(resolve))
  }
}
