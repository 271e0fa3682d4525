import type { ChildProcess } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import { LINES_PER_SECOND } from '../channel-frames.ts'
import { type ChildFrame, childFrame, type LogLine } from '../child-frame.ts'
import { readLines } from './line-reader.ts'

/** The failures and log lines of one frame fit, at their longest. */
const MAX_FRAME_BYTES = 2 * 1024 * 1024
const FRAME_BYTES_PER_SECOND = 32 * 1024 * 1024
/** However short it is: 40,000 frames a second, many times what a handler that does nothing writes. */
const FRAME_COST_BYTES = 800
const MAX_LINE_BYTES = 4_096
const OUTPUT_BYTES_PER_SECOND = 8 * 1024 * 1024
/** How long it may write as much as that, or more, before it is no longer an accident. */
const MAX_FLOOD_MS = 10_000
/** How long a process may outlive its channel. */
const MAX_MUTE_MS = 2_000
/** How long the pipes of an ended process may take to run dry. */
const LAST_WORDS_MS = 1_000

export interface PipesListener {
  readonly onFrame: (frame: ChildFrame) => void
  readonly onLine: (line: LogLine) => void
  readonly onLinesDropped: (lines: number) => void
  /** There is room for another page. */
  readonly onRoom: () => void
  /** It does what no child of ours does, and is to be killed. */
  readonly onFault: (reason: string) => void
}

/** All that goes to a child and comes from it: frames and output, none of it without bounds. */
export class ChildPipes {
  readonly #channel: Duplex
  readonly #streams: readonly Duplex[]
  readonly #finishReading: readonly (() => void)[]
  readonly #listener: PipesListener
  #isHostile = false
  #lines = 0
  #linesDropped = 0
  #second: NodeJS.Timeout | undefined
  #muteTimer: NodeJS.Timeout | undefined

  constructor(child: ChildProcess, listener: PipesListener) {
    this.#listener = listener
    const { stdout, stderr, stdio } = child
    this.#channel = stdio[3] as Duplex
    this.#streams = [stdout, stderr, this.#channel] as Duplex[]
    this.#channel.on('drain', listener.onRoom)
    this.#channel.once('close', () => this.#expectEnd(child))
    this.#finishReading = [
      this.#readFrames(),
      this.#readOutput(stdout as Readable, 'info'),
      this.#readOutput(stderr as Readable, 'warn'),
    ]
  }

  /** Whether the pipe takes no more pages now. */
  get isFull(): boolean {
    return !this.#channel.writable || this.#channel.writableNeedDrain
  }

  /** Sends the parts of a frame: held together they are one system call. */
  send(chunks: readonly Uint8Array[]): void {
    if (!this.#channel.writable) return
    this.#channel.cork()
    for (const chunk of chunks) this.#channel.write(chunk)
    this.#channel.uncork()
  }

  /** For a process that has ended: resolves when what it left in its pipes was read. */
  async close(): Promise<void> {
    clearTimeout(this.#muteTimer)
    for (const finish of this.#finishReading) finish()
    await Promise.all(this.#streams.map(whenClosed))
    this.#endSecond()
  }

  #readFrames(): () => void {
    return readLines(this.#channel, {
      maxLineBytes: MAX_FRAME_BYTES,
      bytesPerSecond: FRAME_BYTES_PER_SECOND,
      lineCostBytes: FRAME_COST_BYTES,
      onLine: (line, isCut) => {
        if (this.#isHostile) return
        const frame = isCut ? undefined : parseFrame(line)
        if (frame) return this.#takeFrame(frame)
        // The child, or its handler, writes what is no frame: nothing more of it can be believed.
        this.#isHostile = true
        const what = isCut ? 'an endless line' : 'something else'
        this.#listener.onFault(`it wrote ${what} to the channel of its outcomes`)
      },
    })
  }

  #takeFrame(frame: ChildFrame): void {
    const { logs = [], droppedLogs = 0 } = frame
    // Before the events for which they were written may end.
    for (const line of logs) if (this.#takeRoom()) this.#listener.onLine(line)
    this.#listener.onFrame(frame)
    if (droppedLogs > 0) this.#drop(droppedLogs)
  }

  #readOutput(stream: Readable, level: 'info' | 'warn'): () => void {
    return readLines(stream, {
      maxLineBytes: MAX_LINE_BYTES,
      bytesPerSecond: OUTPUT_BYTES_PER_SECOND,
      onLine: (line, isCut) => {
        // Empty ones count too: to find their ends costs most.
        if (!this.#takeRoom() || line.length === 0) return
        const text = line.toString('utf8').trimEnd()
        this.#listener.onLine({ level, text: isCut ? `${text}…` : text })
      },
      isDeaf: () => this.#lines >= LINES_PER_SECOND,
      onUnheard: (lines) => this.#drop(lines),
      onSaturated: (forMs) => {
        if (forMs >= MAX_FLOOD_MS) this.#listener.onFault('it flooded its output')
      },
    })
  }

  /** For one line; when there is none it is dropped. */
  #takeRoom(): boolean {
    const hasRoom = this.#lines < LINES_PER_SECOND
    if (hasRoom) this.#lines++
    this.#drop(hasRoom ? 0 : 1)
    return hasRoom
  }

  #drop(lines: number): void {
    this.#linesDropped += lines
    this.#second ??= setTimeout(() => this.#endSecond(), 1_000).unref()
  }

  #endSecond(): void {
    clearTimeout(this.#second)
    this.#second = undefined
    this.#lines = 0
    if (this.#linesDropped > 0) this.#listener.onLinesDropped(this.#linesDropped)
    this.#linesDropped = 0
  }

  /** Without its channel a process can neither be given events nor tell what became of them. */
  #expectEnd({ exitCode, signalCode }: ChildProcess): void {
    if (exitCode !== null || signalCode !== null) return
    const tellFault = () => this.#listener.onFault('it closed the channel of its outcomes')
    this.#muteTimer = setTimeout(tellFault, MAX_MUTE_MS)
  }
}

function parseFrame(line: Buffer): ChildFrame | undefined {
  try {
    return childFrame.parse(JSON.parse(line.toString('utf8')))
  } catch {
    return undefined
  }
}

/** Resolves when the stream is closed, and closes it when somebody else holds its other end. */
function whenClosed(stream: Duplex): Promise<void> {
  if (stream.closed) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => stream.destroy(), LAST_WORDS_MS)
    stream.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
