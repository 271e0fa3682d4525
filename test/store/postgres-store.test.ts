import { describe } from 'vitest'
import { openStore } from '../../src/store/open-store.ts'
import { describeDashboardStore } from './dashboard.contract.ts'
import { describeErasing } from './erase.contract.ts'
import { findTestServer } from './postgres/test-server.ts'
import { describeSearch } from './search.contract.ts'
import { describeStore, type StoreHarness } from './store.contract.ts'

const server = await findTestServer()

describe.skipIf(!server)('with a PostgreSQL server', () => {
  const urls = new WeakMap<object, string>()

  async function openAt(url: string) {
    const store = await openStore({ storeFile: undefined, storeUrl: url })
    urls.set(store, url)
    return store
  }

  const harness: StoreHarness = {
    open: async () => openAt(await server!.createDatabase()),
    async reopen(store) {
      await store.close()
      return openAt(urls.get(store) ?? '')
    },
    async dispose(store) {
      await store.close()
      await server!.dropDatabase(urls.get(store) ?? '')
    },
  }

  describeStore('PostgreSQL', harness)
  describeErasing('PostgreSQL', harness)
  describeSearch('PostgreSQL', harness)
  describeDashboardStore('PostgreSQL', harness)
})
