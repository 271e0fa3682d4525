import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openDriver } from '../../src/store/sqlite/driver.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { createTestDatabase } from './postgres/test-database.ts'
import { findTestServer } from './postgres/test-server.ts'
import { newDirectory, openSqliteStore, removeDirectory } from './sqlite-harness.ts'

const STORE = new URL('../../src/store/', import.meta.url)
const CHANGELOG = new URL('../../CHANGELOG.md', import.meta.url)
const server = await findTestServer()

/**
 * SHA-256 of the text of each migration that a release has, by its place in src/store. Until 0.2.0 is
 * released there is none: stores of 0.1.0 are refused.
 */
const RELEASED: Readonly<Record<string, string>> = {}

const MIGRATIONS = ['postgres', 'sqlite'].flatMap((engine) =>
  readdirSync(new URL(`${engine}/migrations/`, STORE)).map(
    (name) => `${engine}/migrations/${name}`,
  ),
)

const hash = (file: string): string =>
  createHash('sha256')
    .update(readFileSync(new URL(file, STORE)))
    .digest('hex')

describe('a migration', () => {
  it('is written down here when it is released, and never changed again', () => {
    const [newest = ''] = /^## .*$/m.exec(readFileSync(CHANGELOG, 'utf8')) ?? []
    const hashes = Object.fromEntries(MIGRATIONS.map((file) => [file, hash(file)]))
    if (!newest.includes('(unreleased)')) {
      const sentence = `${newest} is released: write the hashes of its migrations into RELEASED.`
      expect(Object.keys(RELEASED).sort(), sentence).toEqual(MIGRATIONS.toSorted())
    }
    for (const [file, released] of Object.entries(RELEASED)) {
      const sentence = `src/store/${file} was changed. Stores that have run it would never get the change: put it into a new migration.`
      expect(hashes[file], sentence).toBe(released)
    }
  })
})

/**
 * Tables and all that belongs to them, as the server words it; but how bodies are stored, which depends on
 * what the server was built with.
 */
const POSTGRES_SCHEMA = `
  WITH ours AS (
    SELECT oid, relname, relkind, reloptions FROM pg_class
    WHERE relnamespace = 'mailtrap_receiver'::regnamespace
  )
  SELECT format('table %s %s', relname, reloptions) AS line FROM ours WHERE relkind = 'r'
  UNION ALL
  SELECT format('column %s.%s %s%s%s%s%s', relname, lpad(attnum::text, 2, '0') || ' ' || attname,
    format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END,
    ' DEFAULT ' || pg_get_expr(adbin, adrelid),
    CASE WHEN collname <> 'default' THEN ' COLLATE ' || collname END, ' storage ' || CASE relname WHEN 'bodies' THEN NULL ELSE attstorage::text END)
  FROM pg_attribute a JOIN ours ON ours.oid = attrelid LEFT JOIN pg_collation c ON c.oid = attcollation
    LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
  WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT format('index %s', pg_get_indexdef(oid)) FROM ours WHERE relkind = 'i'
  UNION ALL
  SELECT format('constraint %s.%s %s', relname, conname, pg_get_constraintdef(c.oid))
  FROM pg_constraint c JOIN ours ON ours.oid = conrelid WHERE contype <> 'n'
  UNION ALL
  SELECT format('trigger %s', pg_get_triggerdef(t.oid))
  FROM pg_trigger t JOIN ours ON ours.oid = tgrelid WHERE NOT tgisinternal
  UNION ALL
  SELECT format('function %s', pg_get_functiondef(oid)) FROM pg_proc
  WHERE pronamespace = 'mailtrap_receiver'::regnamespace`

const changed = (engine: string) =>
  `The schema that all migrations of ${engine} make together is another than before. A released migration is never changed: put the change into a new one. If it is meant, run this test with -u, and look at what has changed.`

describe('a new store', () => {
  it('has this schema in SQLite', async () => {
    const directory = newDirectory()
    onTestFinished(() => removeDirectory(directory))
    const { file, close } = await openSqliteStore(directory)
    await close()
    const db = await openDriver(file, { isReadOnly: true })
    const rows = db
      .prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name')
      .all() as { sql: string }[]
    db.close()
    const text = `${rows.map(({ sql }) => `${sql};`).join('\n\n')}\n`
    await expect(text, changed('SQLite')).toMatchFileSnapshot('schema/sqlite.sql')
  })

  it.skipIf(!server)('has this schema in PostgreSQL', async () => {
    const { open, execute } = await createTestDatabase(server!)
    await open()
    const rows = await execute<{ line: string }>(POSTGRES_SCHEMA)
    const lines = rows.map(({ line }) => line).sort()
    const text = `${lines.join('\n')}\n`
    await expect(text, changed('PostgreSQL')).toMatchFileSnapshot('schema/postgres.txt')
  })
})
