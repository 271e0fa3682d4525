import { join } from 'node:path'
import { expect, it } from 'vitest'
import { COPIED_TABLES } from '../../../src/store/sqlite/copy-source.ts'
import { openForWriting } from '../../../src/store/sqlite/open-database.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { newFolder } from '../copied-store.ts'

/**
 * Those of keys and `counters` go by their meaning; `schema_migrations` is each engine's own, like how this one
 * keeps words, and what events are found by.
 */
const NOT_BY_ROWS = [
  'counters',
  'key_blocks',
  'key_filters',
  'key_pages',
  'key_segments',
  'lookups',
  'schema_migrations',
  'words',
]

it('copies every table, so that a new one cannot be lost in silence', async () => {
  const db = await openForWriting(join(newFolder(), 'receiver.db'))
  onTestFinished(() => db.close())
  const rows = db
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .all() as { name: string }[]
  // Those of events are told in words.
  const tables = new Set(rows.map(({ name }) => (name === 'event_rows' ? 'events' : name)))
  for (const name of NOT_BY_ROWS) expect(tables.delete(name), name).toBe(true)
  // Of each, every column: one that the target does not have ends the copy.
  expect(new Set(COPIED_TABLES)).toEqual(tables)
})
