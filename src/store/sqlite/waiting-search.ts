import { createTraceFinder } from '../trace-finder.ts'
import type { Database } from './driver.ts'

interface BodyRow {
  readonly id: string
  readonly body: Uint8Array
}

/** Looks into batches that wait to be unpacked. */
export function createWaitingSearch(db: Database) {
  const selectAll = db.prepare('SELECT id, body FROM batches WHERE body IS NOT NULL ORDER BY seq')
  const selectSome = db.prepare(
    'SELECT id, body FROM batches WHERE body IS NOT NULL AND id IN (SELECT value FROM json_each(?))',
  )

  function findWaiting(traces: readonly string[], among?: readonly string[]): string[] {
    const finder = createTraceFinder(traces)
    const rows = among ? selectSome.iterate(JSON.stringify(among)) : selectAll.iterate()
    const found: string[] = []
    for (const { id, body } of rows as Iterable<BodyRow>) if (finder.isInBytes(body)) found.push(id)
    return found
  }

  return { findWaiting }
}
