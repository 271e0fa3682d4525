import { describe } from 'vitest'
import { openStore } from '../../src/store/open-store.ts'
import { findTestServer } from './postgres/test-server.ts'
import { type CrashHarness, describeStoreModel } from './store.model.ts'

const server = await findTestServer()

/** Ends the connections of all who work on this database; the store is not told. */
const CUT_CONNECTIONS = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`

describe.skipIf(!server)('with a PostgreSQL server', () => {
  const urls = new WeakMap<object, string>()

  async function openAt(url: string) {
    const store = await openStore({ storeFile: undefined, storeUrl: url })
    urls.set(store, url)
    return store
  }

  const harness: CrashHarness = {
    keepsLeases: true,
    open: async () => openAt(await server!.createDatabase()),
    async crash(store) {
      const url = urls.get(store) ?? ''
      await server!.execute(url, CUT_CONNECTIONS)
      await store.close()
      return openAt(url)
    },
    async dispose(store) {
      await store.close()
      await server!.dropDatabase(urls.get(store) ?? '')
    },
  }

  describeStoreModel('PostgreSQL', harness)
})
