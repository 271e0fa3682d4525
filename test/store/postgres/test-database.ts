import { onTestFinished } from 'vitest'
import {
  openPostgresStore,
  type PostgresStore,
} from '../../../src/store/postgres/postgres-store.ts'
import type { TestServer } from './test-server.ts'

/** A database of the test's own, which goes away with the test. */
export interface TestDatabase {
  readonly url: string
  /** A replica's store on it; closed when the test ends. */
  open(url?: string): Promise<PostgresStore>
  readonly warnings: string[]
  execute<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>
}

export async function createTestDatabase(server: TestServer): Promise<TestDatabase> {
  const url = await server.createDatabase()
  const stores: PostgresStore[] = []
  const warnings: string[] = []
  onTestFinished(async () => {
    await Promise.all(stores.map((store) => store.close()))
    await server.dropDatabase(url)
  })
  return {
    url,
    warnings,
    execute: (sql, values) => server.execute(url, sql, values),
    async open(storeUrl = url) {
      const onWarning = (text: string) => warnings.push(text)
      const store = await openPostgresStore(storeUrl, { onWarning })
      stores.push(store)
      return store
    },
  }
}
