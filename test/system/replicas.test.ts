import { describe, expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { sendSigned } from '../receive/send-request.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { startDatabaseProxy } from './database-proxy.ts'
import { startApp, type TestApp } from './start-app.ts'

const server = await findTestServer()
const PATIENCE = { interval: 50 }

/** A replica; stopped when the test ends. */
async function startReplica(url: string, env: Record<string, string> = {}): Promise<TestApp> {
  const app = await startApp({ STORE_URL: url, ...env })
  onTestFinished(() => app.stop())
  return app
}

const body = (from: number, count: number) =>
  JSON.stringify({
    events: Array.from({ length: count }, (_, n) => ({
      event: 'open',
      event_id: `id-${from + n}`,
    })),
  })
const allRuns = (...apps: TestApp[]) => apps.flatMap((app) => app.runs().map(([key]) => key))

describe.skipIf(!server)('replicas on one PostgreSQL', { concurrent: true }, () => {
  it('run each event once between them, whoever received it, and however often', async () => {
    const { url } = await createTestDatabase(server!)
    const [one, other] = [await startReplica(url), await startReplica(url)]

    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        sendSigned((n % 2 ? one : other).port, body(Math.floor(n / 4) * 100, 100)),
      ),
    )

    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    const { events, duplicates } = await one.api.whenIdle()
    expect(events).toMatchObject({ total: 500, by_state: { done: 500 } })
    expect(duplicates).toBe(1_500)
    const runs = allRuns(one, other)
    expect(runs).toHaveLength(500)
    expect(new Set(runs).size).toBe(500)
  })

  it('may part the work: one receives, another unpacks and dispatches', async () => {
    const { url } = await createTestDatabase(server!)
    const receiver = await startReplica(url, { ROLE: 'receive' })
    const worker = await startReplica(url, { ROLE: 'work' })

    expect(await sendSigned(receiver.port, body(0, 10))).toMatchObject({ status: 200 })
    // Whatever is sent to it: a worker has no webhooks.
    expect(await sendSigned(worker.port, body(0, 10))).toMatchObject({ status: 404 })

    await receiver.api.whenIdle()
    await vi.waitFor(() => expect(worker.runs()).toHaveLength(10), PATIENCE)
    expect(receiver.runs()).toEqual([])
  })
})

describe.skipIf(!server)('a receiver whose PostgreSQL goes away', { concurrent: true }, () => {
  it('acknowledges into its spool, and hands everything on when PostgreSQL is back', async () => {
    const { url } = await createTestDatabase(server!)
    const proxy = await startDatabaseProxy(url)
    const app = await startReplica(proxy.url)
    await sendSigned(app.port, body(0, 10))
    await app.api.whenIdle()

    proxy.disturb('cut')
    for (let n = 1; n <= 20; n++) {
      expect(await sendSigned(app.port, body(n * 10, 10))).toMatchObject({ status: 200 })
    }
    proxy.mend()

    await vi.waitFor(() => expect(new Set(allRuns(app)).size).toBe(210), PATIENCE)
    const { events } = await app.api.whenIdle()
    expect(events).toMatchObject({ total: 210, by_state: { done: 210 } })
  })

  it('starts without it, acknowledges, and begins to work when it comes', async () => {
    const { url } = await createTestDatabase(server!)
    const proxy = await startDatabaseProxy(url)
    proxy.disturb('cut')

    const app = await startReplica(proxy.url)
    expect(await sendSigned(app.port, body(0, 10))).toMatchObject({ status: 200 })
    proxy.mend()

    await vi.waitFor(() => expect(app.runs()).toHaveLength(10), PATIENCE)
  })
})
