import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { readPeakRssBytes } from '../bench/servers/peak-memory.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { sendSigned } from '../receive/send-request.ts'
import { createAdminApi } from './admin-api.ts'
import { IS_LONG } from './long-runs.ts'
import { startReceiver } from './receiver-process.ts'

/** `LONG_RUNS=1`: 200,000 events. */
const BATCHES = IS_LONG ? 400 : 120
const EVENTS_PER_BATCH = 500
const EVENTS = BATCHES * EVENTS_PER_BATCH
const SENDERS = 4
const MAX_RSS_MB = 300
const SLOW = fileURLToPath(new URL('./handlers/slow.mjs', import.meta.url))
const PATIENCE = { timeout: 150_000, interval: 250 }

function makeBatch(): string {
  const events = Array.from({ length: EVENTS_PER_BATCH }, (_, n) => ({
    event: 'delivery',
    event_id: randomUUID(),
    email: `user${n}@example.com`,
    timestamp: 1_768_651_200,
  }))
  return JSON.stringify({ events })
}

it(`holds a backlog of ${EVENTS} events in less than ${MAX_RSS_MB} MB`, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-backlog-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const settings = { DATA_DIR: folder, HANDLERS: SLOW, LOG_LEVEL: 'info' }
  const { child, publicUrl, adminUrl } = await startReceiver(settings)
  const readPeakMb = () => (readPeakRssBytes(child.pid ?? 0)?.server ?? 0) / 1024 / 1024
  if (readPeakMb() === 0)
    context.skip('NOT TESTED HERE: it needs Linux, to read the peak of memory')
  const port = Number(new URL(publicUrl).port)
  const api = createAdminApi(adminUrl)

  let left = BATCHES
  const sendSome = async () => {
    while (left-- > 0) expect((await sendSigned(port, makeBatch())).status).toBe(200)
  }
  await Promise.all(Array.from({ length: SENDERS }, sendSome))
  // All may be unpacked before the first page of the handler has ended.
  const { jobs, oldest_pending_seconds: oldest } = await vi.waitFor(async () => {
    const stats = await api.stats()
    expect(stats).toMatchObject({ batches: { waiting: 0 }, events: { total: EVENTS } })
    expect(stats.jobs.slow?.done).toBeGreaterThan(0)
    return stats
  }, PATIENCE)
  expect(jobs.slow).toMatchObject({ dead: 0 })
  expect(jobs.slow?.pending).toBeGreaterThan(EVENTS * 0.95)
  const peakMb = readPeakMb()
  console.info(`backlog ${jobs.slow?.pending} · oldest ${oldest} s · peak ${peakMb.toFixed(0)} MB`)
  expect(peakMb).toBeLessThan(MAX_RSS_MB)
}, 180_000)
