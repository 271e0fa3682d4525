const NEWLINE = 10

/**
 * Cuts a byte stream into lines and holds at most `maxLineBytes` of an unfinished one. A longer
 * line comes cut, with `isCut`.
 */
export class LineSplitter {
  readonly #maxLineBytes: number
  readonly #onLine: (line: Buffer, isCut: boolean) => void
  #held = Buffer.alloc(0)
  #heldBytes = 0
  #isCut = false

  constructor(maxLineBytes: number, onLine: (line: Buffer, isCut: boolean) => void) {
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
    if (this.#heldBytes > 0) this.#end(Buffer.alloc(0))
  }

  /** Forgets an unfinished line. */
  clear(): void {
    this.#heldBytes = 0
    this.#isCut = false
  }

  get heldTooMuch(): boolean {
    return this.#isCut
  }

  #end(rest: Buffer): void {
    if (this.#heldBytes === 0 && rest.length <= this.#maxLineBytes) return this.#onLine(rest, false)
    this.#hold(rest)
    const line = this.#held.subarray(0, this.#heldBytes)
    const isCut = this.#isCut
    this.clear()
    this.#held = Buffer.alloc(0)
    this.#onLine(line, isCut)
  }

  /** Copies: a part of a chunk would keep the whole chunk in memory. */
  #hold(part: Buffer): void {
    const room = this.#maxLineBytes - this.#heldBytes
    if (part.length > room) this.#isCut = true
    const bytes = Math.min(part.length, room)
    if (this.#heldBytes + bytes > this.#held.length) {
      const grown = Buffer.alloc(Math.min(this.#maxLineBytes, 2 * (this.#heldBytes + bytes)))
      this.#held.copy(grown, 0, 0, this.#heldBytes)
      this.#held = grown
    }
    part.copy(this.#held, this.#heldBytes, 0, bytes)
    this.#heldBytes += bytes
  }
}
