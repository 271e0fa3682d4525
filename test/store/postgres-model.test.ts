import { describe } from 'vitest'
import { findTestServer } from './postgres/test-server.ts'
import { createPostgresHarness } from './postgres-harness.ts'
import { describeStoreModel } from './store.model.ts'

const server = await findTestServer()

describe.skipIf(!server)('with a PostgreSQL server', () => {
  describeStoreModel('PostgreSQL', createPostgresHarness(server!), 8)
})
