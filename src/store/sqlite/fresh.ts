import { type Fitting, takeFitting } from '../group-by.ts'

interface Kept<Row> {
  readonly id: number
  readonly bytes: number
  readonly row: Row
}

/** What was just stored and waits a moment, as it is: to read it back takes longer. In the order in which it came. */
export class Fresh<Row> {
  readonly #most: { readonly rows: number; readonly bytes: number }
  readonly #kept: Kept<Row>[] = []
  #bytes = 0

  constructor(most: { readonly rows: number; readonly bytes: number }) {
    this.#most = most
  }

  /** Answers false where there is no room for it. */
  keep(id: number, bytes: number, make: () => Row): boolean {
    if (this.#kept.length >= this.#most.rows) return false
    if (this.#bytes + bytes > this.#most.bytes) return false
    this.#kept.push({ id, bytes, row: make() })
    this.#bytes += bytes
    return true
  }

  take(id: number): Row | undefined {
    const at = this.#kept.findIndex((one) => one.id === id)
    return at < 0 ? undefined : this.#remove(at, 1)[0]
  }

  /** The first of them, as many as go together. */
  takeFirst(limits: Omit<Fitting<unknown>, 'sizeOf'>): Row[] {
    const { length } = takeFitting(this.#kept, { ...limits, sizeOf: ({ bytes }) => bytes })
    return this.#remove(0, length)
  }

  clear(): void {
    this.#remove(0, this.#kept.length)
  }

  #remove(from: number, count: number): Row[] {
    const removed = this.#kept.splice(from, count)
    for (const { bytes } of removed) this.#bytes -= bytes
    return removed.map(({ row }) => row)
  }
}
