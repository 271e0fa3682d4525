import type { HandlerRegistration } from '../../model.ts'
import { NOW_MS } from './database-time.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'on', timeoutMs: 5_000 }

interface HandlerRow {
  name: string
  module: string
  keys: string
  takes_batches: boolean
}

/** Sorted: replicas that start together must not wait for each other. */
const UPSERT = `
  INSERT INTO handlers (name, module, keys, takes_batches)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[]) AS h (name) ORDER BY name
  ON CONFLICT (name) DO UPDATE SET module = excluded.module, keys = excluded.keys,
    takes_batches = excluded.takes_batches`

const PAUSE = `
  UPDATE handlers SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, ${NOW_MS}) END
  WHERE name = $1 RETURNING name`

/** The handlers this store has seen. */
export function createRegistrations(transactions: Transactions) {
  return {
    async saveHandlers(handlers: readonly HandlerRegistration[]): Promise<void> {
      if (handlers.length === 0) return
      const named = [...new Map(handlers.map((handler) => [handler.name, handler])).values()]
      await transactions.runOne(PLAN, UPSERT, [
        named.map(({ name }) => name),
        named.map(({ module }) => module),
        named.map(({ keys }) => JSON.stringify(keys)),
        named.map(({ takesBatches }) => takesBatches),
      ])
    },
    async setPaused(handler: string, isPaused: boolean): Promise<boolean> {
      const rows = await transactions.runOne(PLAN, PAUSE, [handler, isPaused])
      return rows.length === 1
    },
    async loadHandlers(): Promise<HandlerRegistration[]> {
      const rows = await transactions.runOne<HandlerRow>(
        PLAN,
        'SELECT name, module, keys, takes_batches FROM handlers ORDER BY name',
      )
      return rows.map((row) => ({
        name: row.name,
        module: row.module,
        keys: JSON.parse(row.keys) as string[],
        takesBatches: row.takes_batches,
      }))
    },
  }
}
