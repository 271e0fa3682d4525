import { expect, it } from 'vitest'
import { keep, sampleEvents } from '../sample-rows.ts'
import { createTestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()
const ALL = { eventsBefore: Date.UTC(2030, 0), deadBefore: Date.UTC(2030, 0), keysBefore: 0 }

it.skipIf(!server)('forgets many events where the tables are believed to be empty', async () => {
  const { open, execute } = await createTestDatabase(server!)
  const store = await open()
  await execute(
    `ALTER TABLE events SET (autovacuum_enabled = off);
     ALTER TABLE batches SET (autovacuum_enabled = off)`,
  )
  const fill = async () => {
    for (let batch = 0; batch < 20; batch++) await keep(store, sampleEvents(245, { handlers: [] }))
  }
  await fill()
  expect((await store.prune(ALL)).removed).toBeGreaterThanOrEqual(4_900)
  await execute('ANALYZE events, batches, jobs')

  await fill()
  expect((await store.prune(ALL)).removed).toBeGreaterThanOrEqual(4_900)
})
