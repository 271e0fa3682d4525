import { describe, expect, it } from 'vitest'
import { sampleBatch, sampleEvent, wholeChunk } from '../sample-rows.ts'
import { MIGRATIONS } from './migrations.ts'
import { createTestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()

describe.skipIf(!server)('a PostgreSQL database', () => {
  it('gets its tables once, however many replicas start at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const { open, execute } = await createTestDatabase(server!)
      const stores = await Promise.all(Array.from({ length: 4 }, () => open()))
      await Promise.all(stores.map((store) => store.append(sampleBatch())))
      expect(await execute('SELECT name FROM migrations')).toEqual(MIGRATIONS)
    }
  })

  it('lets recipients be found in any case that an older version kept as they were written', async () => {
    const { open, execute } = await createTestDatabase(server!)
    const store = await open()
    const batch = sampleBatch()
    await store.append(batch)
    await store.commitChunk(wholeChunk(batch.id, { events: [sampleEvent()] }))
    await execute(`UPDATE events SET recipient = 'User1@Example.com'`)
    await execute(`DELETE FROM migrations WHERE name LIKE '0006%'`)
    const { rows } = await (await open()).listEvents({ recipient: 'USER1@example.com' })
    expect(rows.map(({ recipient }) => recipient)).toEqual(['user1@example.com'])
  })

  it('may have been changed by a newer version, which is told', async () => {
    const { open, execute, warnings } = await createTestDatabase(server!)
    await (await open()).close()
    await execute(`INSERT INTO migrations VALUES ('9999-more.sql', 1)`)
    const store = await open()
    await store.append(sampleBatch())
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
    await expect(refusal).rejects.toMatchObject({ code: 'invalid_settings' })
    await expect(refusal).rejects.toThrow(/STORE_URL: database "missing" does not exist/)
    await expect(refusal).rejects.not.toThrow(/hush/)
  })

  it('is complained of when it may lose what was acknowledged', async () => {
    const { open, execute, warnings, url } = await createTestDatabase(server!)
    const name = new URL(url.replace('@/', '@host/')).pathname.slice(1)
    await execute(`ALTER DATABASE ${name} SET synchronous_commit = off`)
    await open()
    const settings = await execute<{ name: string }>(
      `SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'`,
    )
    const names = [...settings.map((row) => row.name), 'synchronous_commit']
    expect(warnings).toEqual(
      names.map((name) => expect.stringContaining(`PostgreSQL runs with ${name} = off`)),
    )
  })
})
