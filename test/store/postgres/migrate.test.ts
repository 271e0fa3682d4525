import { describe, expect, it } from 'vitest'
import { createDatabaseOpening } from '../../../src/store/postgres/open-database.ts'
import { createTransactions } from '../../../src/store/postgres/transactions.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { openPostgresStore } from '../postgres-harness.ts'
import { sampleBatch } from '../sample-rows.ts'
import { MIGRATIONS } from './migrations.ts'
import { canStartServers, startOwnServer } from './own-server.ts'
import { createTestDatabase, withParameter } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()

const refused = (text: RegExp) => ({
  code: 'invalid_settings',
  message: expect.stringMatching(text),
})

/** All that is in the database and not the server's own. */
const EVERYTHING = `
  SELECT nspname AS schema, relname AS name FROM pg_class c JOIN pg_namespace n
    ON n.oid = c.relnamespace
  WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' ORDER BY 1, 2`

describe.skipIf(!server)('a PostgreSQL database', () => {
  it('gets its tables once, however many replicas start at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const { open, execute } = await createTestDatabase(server!)
      const stores = await Promise.all(Array.from({ length: 4 }, () => open()))
      await Promise.all(stores.map((store) => store.append([sampleBatch()])))
      expect(await execute('SELECT name FROM migrations')).toEqual(MIGRATIONS)
    }
  })

  it('may have been changed by a newer version, which is told', async () => {
    const { open, execute, warnings } = await createTestDatabase(server!)
    await (await open()).close()
    await execute(`INSERT INTO migrations VALUES ('9999-more.sql', 1)`)
    const store = await open()
    await store.append([sampleBatch()])
    expect(warnings).toContainEqual(expect.stringContaining('newer version (9999-more.sql)'))
  })

  it('is refused when an older version cannot live with what a newer one did', async () => {
    const { open, execute } = await createTestDatabase(server!)
    await (await open()).close()
    await execute(`INSERT INTO migrations VALUES ('9999-less.contract.sql', 1)`)
    await expect(open()).rejects.toMatchObject({ code: 'store_too_new' })
  })

  it('is refused when it is not in UTF-8', async () => {
    const { execute, open } = await createTestDatabase(server!)
    await execute(`CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`)
    await expect(open(server!.urlOf('latin'))).rejects.toThrow(/database in LATIN1/)
    await execute('DROP DATABASE latin')
  })

  it('is refused when there is none of that name, and the password is not told', async () => {
    const { open } = await createTestDatabase(server!)
    const url = server!.urlOf('missing').replace('postgres@', 'postgres:hush-hush@')
    const refusal = open(url)
    await expect(refusal).rejects.toMatchObject(
      refused(/STORE_URL: database "missing" does not exist/),
    )
    await expect(refusal).rejects.not.toThrow(/hush/)
  })

  it('is complained of, once, when it may lose what was acknowledged', async () => {
    const { open, execute, warnings, name } = await createTestDatabase(server!)
    await execute(`ALTER DATABASE ${name} SET synchronous_commit = off`)
    await open()
    const settings = await execute<{ name: string }>(
      `SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'`,
    )
    const names = [...settings.map((row) => row.name), 'synchronous_commit']
    expect(warnings).toEqual(
      names.map((one) => expect.stringContaining(`PostgreSQL runs with ${one} = off`)),
    )
  })

  it('is complained of once as well while its opening fails again and again', async () => {
    const { execute, name, url } = await createTestDatabase(server!)
    await execute(`ALTER DATABASE ${name} SET synchronous_commit = off`)
    await execute('CREATE SCHEMA mailtrap_receiver CREATE TABLE jobs (queue TEXT)')
    const transactions = createTransactions(() => url, { connections: 1, random: Math.random })
    onTestFinished(() => transactions.close())
    const warnings: string[] = []
    const opening = createDatabaseOpening(transactions, (text) => warnings.push(text))
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(opening.open()).rejects.toMatchObject({ code: 'invalid_settings' })
    }
    expect(warnings.filter((text) => text.includes('synchronous_commit = off'))).toHaveLength(1)
    expect(new Set(warnings).size).toBe(warnings.length)
  })
})

describe.skipIf(!canStartServers())('a PostgreSQL server that only reads', () => {
  it('is refused, with what to name instead', async () => {
    const primary = await startOwnServer()
    onTestFinished(() => primary.remove())
    const standby = await primary.addStandby()
    onTestFinished(() => standby.remove())
    await expect(openPostgresStore(standby.urlOf('postgres'))).rejects.toMatchObject(
      refused(/names a standby, which only reads\. Name the server that takes writes\./),
    )
  })
})

describe.skipIf(!server)('the schema in a PostgreSQL database of somebody else', () => {
  it('is our own, beside whatever tables there are, of which none is touched', async () => {
    const { open, execute } = await createTestDatabase(server!)
    for (const table of ['migrations (id INTEGER, batch INTEGER)', 'jobs (queue TEXT)']) {
      await execute(`CREATE TABLE public.${table}`)
    }
    const before = await execute(EVERYTHING)
    const store = await open()
    await store.append([sampleBatch()])
    const after = await execute<{ schema: string }>(EVERYTHING)
    expect(after.filter(({ schema }) => schema === 'public')).toEqual(before)
    expect(new Set(after.map(({ schema }) => schema))).toEqual(
      new Set(['mailtrap_receiver', 'public']),
    )
  })

  it('is the one that the URL names, and each has a store of its own', async () => {
    const { open, url } = await createTestDatabase(server!)
    const stores = await Promise.all(
      ['one', 'other', 'public'].map((name) => open(withParameter(url, `schema=${name}`))),
    )
    await stores[0]?.append([sampleBatch()])
    const received = stores.map(async (store) => (await store.archive.stats()).batches.received)
    expect(await Promise.all(received)).toEqual([1, 0, 0])
  })

  it('is refused when it holds tables that are not ours, and nothing is changed', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    await execute('CREATE TABLE public.migrations (id INTEGER, migration TEXT, batch INTEGER)')
    await execute('CREATE SCHEMA mailtrap_receiver CREATE TABLE jobs (queue TEXT)')
    const before = await execute(EVERYTHING)
    await expect(open()).rejects.toMatchObject(refused(/not the receiver's \(jobs\).*\?schema=/))
    await expect(open(withParameter(url, 'schema=public'))).rejects.toMatchObject(
      refused(/not the receiver's \(migrations\)/),
    )
    expect(await execute(EVERYTHING)).toEqual(before)
  })

  it('is refused when it holds the store of version 0.1.0, which is told where it is left alone', async () => {
    const { open, execute, url, warnings } = await createTestDatabase(server!)
    for (const table of [
      'migrations (name TEXT, applied_at BIGINT)',
      'batches (body_bytes INTEGER)',
      'keys (digest TEXT)',
      'events (batch_seq BIGINT)',
      'jobs (event_id BIGINT)',
      'quarantine (batch_seq BIGINT)',
    ]) {
      await execute(`CREATE TABLE public.${table}`)
    }
    await execute(`INSERT INTO public.migrations VALUES ('0001-tables.sql', 1)`)
    await expect(open(withParameter(url, 'schema=public'))).rejects.toMatchObject(
      refused(/version 0\.1\.0/),
    )
    await open()
    expect(warnings).toContainEqual(expect.stringContaining('store of version 0.1.0'))
  })

  it('is refused with the remedy when it is missing and may not be made', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    await createRole(execute, 'guest')
    const asGuest = url.replace('postgres@', 'guest@')
    await expect(open(asGuest)).rejects.toMatchObject(
      refused(/CREATE SCHEMA mailtrap_receiver AUTHORIZATION/),
    )
    await execute('CREATE SCHEMA mailtrap_receiver AUTHORIZATION guest')
    await (await open(asGuest)).append([sampleBatch()])
  })

  it('is refused with the remedy when its tables may not be written to', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    await open()
    await createRole(execute, 'reader')
    await execute('GRANT USAGE ON SCHEMA mailtrap_receiver TO reader')
    await execute('GRANT SELECT ON ALL TABLES IN SCHEMA mailtrap_receiver TO reader')
    await expect(open(url.replace('postgres@', 'reader@'))).rejects.toMatchObject(
      refused(/may not write to audit, batches, .* GRANT ALL/),
    )
  })
})

async function createRole(execute: (sql: string) => Promise<unknown>, name: string): Promise<void> {
  await execute(`DO $$ BEGIN CREATE ROLE ${name} LOGIN;
    EXCEPTION WHEN duplicate_object THEN NULL; END $$`)
}
