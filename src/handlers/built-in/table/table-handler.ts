import { defineHandler, type Handler } from '../../define-handler.ts'
import type { BuiltInFacts, TableOptions } from '../built-in-options.ts'
import { type EventTable, toRow } from './row.ts'

/** Keeps each event as a row in a table of the team's. */
export async function createTableHandler(
  { name, events }: BuiltInFacts,
  options: TableOptions,
): Promise<Handler> {
  const table = await openTable(options)
  return defineHandler({
    name,
    events,
    onBatch: (items, { signal }) => table.store(items.map(toRow), signal),
  })
}

/** Loads only what it needs. */
async function openTable(options: TableOptions): Promise<EventTable> {
  if (options.url.startsWith('http')) {
    const { createClickHouseTable } = await import('./clickhouse-table.ts')
    return createClickHouseTable(options)
  }
  const { createPostgresTable } = await import('./postgres-table.ts')
  return createPostgresTable(options)
}
