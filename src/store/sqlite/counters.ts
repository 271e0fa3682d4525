import type { Database } from './driver.ts'

/** Totals and marks that are kept beside the rows, in the same transactions. */
export interface Counters {
  get(name: string): number
  add(name: string, n: number): void
  set(name: string, n: number): void
}

export function createCounters(db: Database): Counters {
  const select = db.prepare('SELECT n FROM counters WHERE name = ?')
  const upsertSum = db.prepare(
    'INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n',
  )
  const upsert = db.prepare(
    'INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = excluded.n',
  )
  return {
    get: (name) => (select.get(name) as { n: number } | undefined)?.n ?? 0,
    add: (name, n) => {
      if (n !== 0) upsertSum.run(name, n)
    },
    set: (name, n) => void upsert.run(name, n),
  }
}

/** Types beyond this many are counted together, so that a hostile sender cannot grow the table. */
const MOST_COUNTED_TYPES = 200

/** Stored events by type. */
export function createTypeCounters(db: Database) {
  const counters = createCounters(db)
  const has = db.prepare('SELECT 1 FROM counters WHERE name = ?')
  const countTypes = db.prepare(`SELECT count(*) AS n FROM counters WHERE name LIKE 'type:%'`)

  function counterOf(type: string): string {
    const name = `type:${type}`
    if (has.get(name) !== undefined) return name
    return (countTypes.get() as { n: number }).n < MOST_COUNTED_TYPES ? name : 'type:(other)'
  }
  return {
    /** Answers the name under which the type is counted. */
    add(type: string, n: number): string {
      const name = counterOf(type)
      counters.add(name, n)
      return name.slice('type:'.length)
    },
  }
}
