export function groupBy<Row, Key>(rows: readonly Row[], keyOf: (row: Row) => Key): Map<Key, Row[]> {
  const groups = new Map<Key, Row[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group) group.push(row)
    else groups.set(keyOf(row), [row])
  }
  return groups
}

/** Adds to what is counted under a name. */
export function addTo(amounts: Map<string, number>, name: string, n = 1): void {
  amounts.set(name, (amounts.get(name) ?? 0) + n)
}

/** How much goes together: the sum of sizes, and how many. One is taken whatever its size. */
export interface Fitting<Row> {
  readonly sizeOf: (row: Row) => number
  readonly most: number
  readonly rows?: number
}

/** The first of them, as many as go together. */
export function takeFitting<Row>(all: Iterable<Row>, limits: Fitting<Row>): Row[] {
  const { sizeOf, most, rows = Number.POSITIVE_INFINITY } = limits
  const taken: Row[] = []
  let sum = 0
  for (const row of all) {
    sum += sizeOf(row)
    if (taken.length > 0 && (sum > most || taken.length >= rows)) break
    taken.push(row)
  }
  return taken
}

/** All of them, in groups that go together. */
export function cutFitting<Row>(all: readonly Row[], limits: Fitting<Row>): Row[][] {
  const groups: Row[][] = []
  for (let at = 0; at < all.length; at += groups.at(-1)?.length ?? 0) {
    groups.push(takeFitting(all.slice(at), limits))
  }
  return groups
}
