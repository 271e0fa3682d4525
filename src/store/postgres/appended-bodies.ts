import type { HashedBody } from '../../model.ts'

/** As many as are taken at once: a look for batches names all of them to the server. */
const MOST = { rows: 256, bytes: 8 * 1024 * 1024 }

/** By the digits of a SHA-256. */
export type KnownBodies = ReadonlyMap<string, Uint8Array>

/**
 * Bodies that this process has appended and that wait to be taken: to read one back costs the server and
 * this thread more than to unpack it. By their hashes: one that was redacted meanwhile has another.
 */
export class AppendedBodies {
  readonly #known = new Map<string, Uint8Array>()
  #bytes = 0

  /** As it is now: a look for batches goes on with it, whatever is taken meanwhile. */
  get known(): KnownBodies {
    return new Map(this.#known)
  }

  /** Does nothing where there is no room for it. */
  keep({ sha256, body }: HashedBody): void {
    if (this.#known.size >= MOST.rows || this.#bytes + body.byteLength > MOST.bytes) return
    if (this.#known.has(sha256)) return
    this.#known.set(sha256, body)
    this.#bytes += body.byteLength
  }

  /** These were taken, by us or by somebody else. */
  drop(hashes: Iterable<string>): void {
    for (const hash of hashes) {
      this.#bytes -= this.#known.get(hash)?.byteLength ?? 0
      this.#known.delete(hash)
    }
  }
}
