import { Client } from 'pg'
import type { PostgresOptions } from '../../../src/store/postgres/engine.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { openPostgresStore, type PostgresStore } from '../postgres-harness.ts'
import type { TestServer } from './test-server.ts'

/** A database of the test's own, which goes away with the test. */
export interface TestDatabase {
  readonly url: string
  /** As the server knows it. */
  readonly name: string
  /** A replica's store on it; closed when the test ends. */
  open(url?: string, options?: Partial<PostgresOptions>): Promise<PostgresStore>
  readonly warnings: string[]
  /** Runs a statement as the server's owner, who finds the store's tables by their names alone. */
  execute<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>
}

/** The URL with another parameter. */
export const withParameter = (url: string, parameter: string): string =>
  `${url}${url.includes('?') ? '&' : '?'}${parameter}`

/** For statements that find the store's tables by their names alone. */
export const amongTables = (url: string): string =>
  withParameter(url, `options=${encodeURIComponent('-c search_path=mailtrap_receiver,public')}`)

export async function createTestDatabase(server: TestServer): Promise<TestDatabase> {
  const url = await server.createDatabase()
  const name = new URL(url.replace('@/', '@host/')).pathname.slice(1)
  const stores: PostgresStore[] = []
  const warnings: string[] = []
  onTestFinished(async () => {
    await Promise.all(stores.map((store) => store.close()))
    await server.dropDatabase(url)
  })
  return {
    url,
    name,
    warnings,
    execute: (sql, values) => server.execute(amongTables(url), sql, values),
    async open(storeUrl = url, given = {}) {
      const onWarning = (text: string) => warnings.push(text)
      const store = await openPostgresStore(storeUrl, { onWarning, ...given })
      stores.push(store)
      return store
    },
  }
}

/** Holds these tables of the store until it is called. */
export async function lockTables(url: string, tables: string): Promise<() => Promise<void>> {
  const options = encodeURIComponent('-c search_path=mailtrap_receiver')
  const client = new Client({ connectionString: withParameter(url, `options=${options}`) })
  await client.connect()
  onTestFinished(() => client.end())
  await client.query(`BEGIN; LOCK TABLE ${tables} IN ACCESS EXCLUSIVE MODE`)
  return () => client.end()
}
