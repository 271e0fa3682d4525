import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { makeFolder } from '../config/settings-folder.ts'
import { listen } from '../handlers/built-in/forward/listen.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { sendSigned } from '../receive/send-request.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { startApp } from './start-app.ts'

const server = await findTestServer()
const RATE = 60
const CALLS = 150

const body = (from: number, count: number) =>
  JSON.stringify({
    events: Array.from({ length: count }, (_, n) => ({
      event: 'open',
      event_id: `id-${from + n}`,
    })),
  })

/** A fifth of a second's may begin at once. */
const BURST = RATE * 0.2
/** Timers of several processes are not of one mind. */
const SLACK_MS = 50

interface RateTest {
  readonly replicas?: number
  /** Of events in a call. */
  readonly size?: number
  readonly env?: Record<string, string>
}

async function expectRate({ replicas = 1, size = 1, env = {} }: RateTest): Promise<void> {
  const times: number[] = []
  let events = 0
  const endpoint = await listen((response, { body: text }) => {
    times.push(performance.now())
    events += size === 1 ? 1 : JSON.parse(text).events.length
    response.end()
  })
  const file = join(makeFolder(), 'receiver.yaml')
  const format = size === 1 ? '' : `, format: batch, batchSize: ${size}`
  writeFileSync(file, `handlers: [{ forward: ${endpoint.url}, rate: ${RATE}/s${format} }]`)
  const apps = await Promise.all(
    Array.from({ length: replicas }, async () => {
      const app = await startApp({ HANDLERS: '', CONFIG_FILE: file, ...env })
      onTestFinished(() => app.stop())
      return app
    }),
  )
  const share = (CALLS * size) / 5
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: 5 }, (_, n) =>
      sendSigned(apps[n % replicas]!.port, body(n * share, share)),
    ),
  )
  await vi.waitFor(() => expect(events).toBe(CALLS * size), { interval: 20 })
  // None arrives before its time. One that was held up on its way may come right before the next.
  for (const [before, at] of times.entries()) {
    const earliestMs = ((before + 1 - BURST) / RATE) * 1_000 - SLACK_MS
    expect(at - startedAt, `call ${before}`).toBeGreaterThan(earliestMs)
  }
}

describe('a rate', { concurrent: true }, () => {
  it('limits attempts', () => expectRate({}))

  // Were their events limited, this would take longer than anybody waits.
  it('limits calls, however many events each has', () => expectRate({ size: 50 }))

  it.skipIf(!server)('limits the attempts of all replicas together', async () => {
    const { url } = await createTestDatabase(server!)
    await expectRate({ replicas: 2, env: { STORE_URL: url } })
  })
})
