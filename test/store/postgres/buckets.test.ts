import { describe, expect, it } from 'vitest'
import { pageOf, sampleBatch, sampleEvent } from '../sample-rows.ts'
import { createTestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()
const BATCHES = 3_000
/** Of 500 events; each has as many in one bucket as some ten thousand small ones. */
const LARGE = 3
const TAKE = { batches: BATCHES, bytes: 2 ** 40, leaseMs: 60_000 }

const COUNT_PROBES = `
  SELECT coalesce(sum(idx_scan), 0)::int AS n FROM pg_stat_user_indexes
  WHERE indexrelname IN ('events_by_recipient', 'events_by_message')`

describe.skipIf(!server)('a look-up in PostgreSQL', () => {
  it('probes few places among many batches of one event, and finds what is in large ones too', async () => {
    const { open, execute, url } = await createTestDatabase(server!)
    // A clock that stands still, so that looks grow however busy the machine is.
    const at = Date.now()
    const store = await open(url, { now: () => at })
    const eventOf = (n: number) =>
      sampleEvent({ recipient: n % 1_000 === 7 ? 'ann@example.com' : `user${n}@example.com` })
    const parts = Array.from({ length: BATCHES }, (_, n) => [eventOf(n)])
    for (let large = 1; large <= LARGE; large++) {
      const first = large * 1_000_000
      parts.splice(
        large * 700,
        0,
        Array.from({ length: 500 }, (_, n) => eventOf(first + n)),
      )
    }
    const batches = parts.map((events) => sampleBatch(events))
    for (let at = 0; at < batches.length; at += 500) await store.append(batches.slice(at, at + 500))
    const partsOf = new Map(batches.map(({ id }, n) => [id, parts[n]!]))
    for (;;) {
      const taken = await store.takeBatches(TAKE)
      if (taken.length === 0) break
      const pages = taken.map((batch) => pageOf(batch, partsOf.get(batch.id)!))
      await store.commit({ pages, progress: [], jobs: [] })
    }
    const countProbes = async () => (await execute<{ n: number }>(COUNT_PROBES))[0]!.n
    const before = await countProbes()
    const found = []
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor; isFirst = false) {
      const query = { recipient: 'ann@example.com', ...(cursor && { cursor }) }
      const page = await store.archive.listEvents(query)
      found.push(...page.rows)
      cursor = page.cursor
    }
    expect(found).toHaveLength(BATCHES / 1_000 + LARGE)
    await store.close()
    await expect.poll(countProbes).toBeGreaterThan(before)
    // Buckets of 32 batches would be 93.
    expect((await countProbes()) - before).toBeLessThan(40)
  })
})
