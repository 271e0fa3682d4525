import { Socket } from 'node:net'
import { HEAD_BYTES, type PageHead, type ParentOrder } from '../channel-frames.ts'
import { parse, write } from './untouched.ts'

const CHANNEL_FD = 3
/** More than the pipe holds by default. */
const READ_BYTES = 256 * 1024

export interface ChannelListener {
  onPage(head: PageHead, rest: Buffer): void
  onOrder(order: ParentOrder): void
  /** The parent has ended. */
  onGone(): void
}

/** The child's end of the pipe. */
export class HostChannel {
  readonly #socket: Socket
  readonly #listener: ChannelListener
  readonly #head = Buffer.alloc(HEAD_BYTES)
  /** What of the frame under way has come: of its two lengths, then of what is behind them. */
  #target: Buffer = this.#head
  #filled = 0
  #isEnding = false
  #onAllWritten = () => {}

  constructor(listener: ChannelListener) {
    this.#listener = listener
    const onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (bytes: number, chunk: Uint8Array) => {
        this.#take(chunk as Buffer, bytes)
        return true
      },
    }
    const options = { fd: CHANNEL_FD, readable: true, writable: true, onread }
    this.#socket = new Socket(options)
    const takeEnd = () => {
      if (!this.#isEnding) listener.onGone()
    }
    this.#socket.on('error', takeEnd)
    this.#socket.on('close', takeEnd)
  }

  /** Whether all that was written is in the pipe. */
  get hasWrittenAll(): boolean {
    return this.#socket.writableLength === 0
  }

  whenAllWritten(onAllWritten: () => void): void {
    this.#onAllWritten = onAllWritten
  }

  /** Writes without delay what the pipe has room for: there may be no turn left for the rest. */
  write(frame: string): void {
    const bytes = Buffer.from(`${frame}\n`)
    const written = this.hasWrittenAll ? writeAtOnce(bytes) : 0
    if (written === bytes.length) return
    this.#socket.write(bytes.subarray(written), () => {
      if (this.hasWrittenAll) this.#onAllWritten()
    })
  }

  /** `onEnd` is called when all that was written is in the pipe. */
  end(onEnd: () => void): void {
    this.#isEnding = true
    this.#socket.end(onEnd)
  }

  /** A chunk is overwritten by the next one, so each byte is copied once, to its place. */
  #take(chunk: Buffer, end: number): void {
    for (let at = 0; at < end; ) {
      const copied = chunk.copy(this.#target, this.#filled, at, end)
      at += copied
      this.#filled += copied
      if (this.#filled < this.#target.length) return
      this.#filled = 0
      if (this.#target !== this.#head) this.#tell(this.#target)
      else {
        const bytes = this.#head.readUInt32LE(0) + this.#head.readUInt32LE(4)
        this.#target = Buffer.allocUnsafe(bytes)
      }
    }
  }

  #tell(frame: Buffer): void {
    this.#target = this.#head
    const headEnd = this.#head.readUInt32LE(0)
    const head: PageHead | ParentOrder = parse(frame.toString('utf8', 0, headEnd))
    if ('page' in head) this.#listener.onPage(head, frame.subarray(headEnd))
    else this.#listener.onOrder(head)
  }
}

function writeAtOnce(bytes: Uint8Array): number {
  try {
    return write(CHANNEL_FD, bytes)
  } catch {
    // The pipe is full, or the parent gone: of that the socket tells.
    return 0
  }
}
