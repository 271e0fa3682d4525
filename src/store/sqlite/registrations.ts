import type { HandlerRegistration } from '../../model.ts'
import type { Database } from './driver.ts'

interface HandlerRow {
  name: string
  module: string
  keys: string
  takes_batches: number
}

/** The handlers this store has seen. */
export function createRegistrations(db: Database) {
  const upsert = db.prepare(
    `INSERT INTO handlers (name, module, keys, takes_batches) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE
     SET module = excluded.module, keys = excluded.keys, takes_batches = excluded.takes_batches`,
  )
  const selectAll = db.prepare(
    'SELECT name, module, keys, takes_batches FROM handlers ORDER BY name',
  )

  const pause = db.prepare(
    `UPDATE handlers SET paused_at = CASE WHEN ? THEN ifnull(paused_at, ?) END WHERE name = ?`,
  )

  return {
    setPaused(handler: string, isPaused: boolean, now: number): boolean {
      return pause.run(isPaused ? 1 : 0, now, handler).changes === 1
    },
    saveHandlers(handlers: readonly HandlerRegistration[]): void {
      for (const { name, module, keys, takesBatches } of handlers) {
        upsert.run(name, module, JSON.stringify(keys), takesBatches ? 1 : 0)
      }
    },
    loadHandlers(): HandlerRegistration[] {
      return (selectAll.all() as HandlerRow[]).map((row) => ({
        name: row.name,
        module: row.module,
        keys: JSON.parse(row.keys) as string[],
        takesBatches: row.takes_batches === 1,
      }))
    },
  }
}
