import type { Batch } from '../../model.ts'

const MOST_BYTES = 16 * 1024 * 1024

/** By the digits of a SHA-256. */
export type KnownBodies = ReadonlyMap<string, Uint8Array>

/**
 * Bodies that this process has appended and that wait to be taken: to read one back costs the server and
 * this thread more than to unpack it. By their hashes: whatever was erased meanwhile has another one.
 */
export class AppendedBodies {
  /** Never changed, so that a look for batches may go on with what was known when it began. */
  #known: KnownBodies = new Map()
  #bytes = 0

  get known(): KnownBodies {
    return this.#known
  }

  /** Does nothing where there is no room for it. */
  keep({ sha256, body }: Pick<Batch, 'sha256' | 'body'>): void {
    if (this.#bytes + body.byteLength > MOST_BYTES || this.#known.has(sha256)) return
    this.#known = new Map([...this.#known, [sha256, body]])
    this.#bytes += body.byteLength
  }

  /** These were taken, by us or by somebody else. */
  drop(hashes: Iterable<string>): void {
    const left = new Map(this.#known)
    for (const hash of hashes) left.delete(hash)
    this.#known = left
    this.#bytes = 0
    for (const body of left.values()) this.#bytes += body.byteLength
  }
}
