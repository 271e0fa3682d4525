import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openForWriting } from '../../src/store/sqlite/open-database.ts'
import { COPIED_TABLES } from '../../src/store/store-copy.ts'

/** `handlers` and `counters` go by their meaning; `migrations` is each engine's own. */
const NOT_BY_ROWS = ['counters', 'handlers', 'migrations']

it('copies every table with every column, so that a new one cannot be lost in silence', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-copied-'))
  const db = await openForWriting(join(folder, 'receiver.db'))
  onTestFinished(() => {
    db.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const rows = db
    .prepare(
      `SELECT t.name AS name, c.name AS column FROM pragma_table_list t, pragma_table_info(t.name) c
       WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite_%'`,
    )
    .all() as { name: string; column: string }[]
  const tables = new Map<string, string[]>()
  for (const { name, column } of rows) tables.set(name, [...(tables.get(name) ?? []), column])
  for (const name of NOT_BY_ROWS) expect(tables.delete(name)).toBe(true)

  const copied = COPIED_TABLES.map(({ name, columns }) => [name, Object.keys(columns).sort()])
  expect(new Map(copied as [string, string[]][])).toEqual(
    new Map([...tables].map(([name, columns]) => [name, columns.sort()])),
  )
})
