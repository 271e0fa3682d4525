import type { Database } from './driver.ts'
import type { Transactions } from './transactions.ts'

/**
 * Totals and marks that are kept beside the rows, in the same transactions. Known in memory and written once a transaction, so nobody else may write the table; not to be
 * changed in a part of a transaction that may be undone by itself.
 */
export function createCounters(
  db: Database,
  transactions: Pick<Transactions, 'onEnd' | 'beforeCommit'>,
) {
  const rows = db.prepare('SELECT name, n FROM counters').all() as { name: string; n: number }[]
  const upsert = db.prepare(
    'INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = excluded.n',
  )
  const deleteName = db.prepare('DELETE FROM counters WHERE name = ?')
  const values = new Map(rows.map(({ name, n }) => [name, n]))
  /** What was there before the transaction that is open changed it. */
  const before = new Map<string, number | undefined>()

  function write(): void {
    for (const [name, n] of before) {
      const value = values.get(name)
      if (value === undefined) deleteName.run(name)
      else if (value !== n) upsert.run(name, value)
    }
  }

  function forget(isKept: boolean): void {
    if (!isKept) {
      for (const [name, n] of before) {
        if (n === undefined) values.delete(name)
        else values.set(name, n)
      }
    }
    before.clear()
  }

  function change(name: string, n: number | undefined): void {
    if (before.size === 0) transactions.onEnd(forget)
    if (!before.has(name)) before.set(name, values.get(name))
    if (n === undefined) values.delete(name)
    else values.set(name, n)
  }

  transactions.beforeCommit(write)
  const get = (name: string) => values.get(name) ?? 0
  const add = (name: string, n: number) => {
    if (n !== 0) change(name, get(name) + n)
  }
  return {
    get,
    add,
    set: (name: string, n: number) => change(name, n),
    all: (): ReadonlyMap<string, number> => values,
    /** Adds it to another, and takes the name away, which may tell of somebody. */
    move(name: string, to: string): void {
      add(to, get(name))
      change(name, undefined)
    },
  }
}

export type Counters = ReturnType<typeof createCounters>
