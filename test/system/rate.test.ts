import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { makeFolder } from '../config/settings-folder.ts'
import { listen } from '../handlers/built-in/forward/listen.ts'
import { sendSigned } from '../receive/send-request.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { startApp } from './start-app.ts'

const server = await findTestServer()
const RATE = 60
const EVENTS = 150

const body = (from: number, count: number) =>
  JSON.stringify({
    events: Array.from({ length: count }, (_, n) => ({
      event: 'open',
      event_id: `id-${from + n}`,
    })),
  })

/** The most that arrived in any second. */
function findMost(times: readonly number[]): number {
  return Math.max(
    ...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length),
  )
}

async function expectRate(replicas: number, env: Record<string, string> = {}): Promise<void> {
  const times: number[] = []
  const endpoint = await listen((response) => {
    times.push(performance.now())
    response.end()
  })
  const file = join(makeFolder(), 'receiver.yaml')
  writeFileSync(file, `handlers: [{ forward: ${endpoint.url}, rate: ${RATE}/s }]`)
  const apps = await Promise.all(
    Array.from({ length: replicas }, async () => {
      const app = await startApp({ HANDLERS: '', CONFIG_FILE: file, ...env })
      onTestFinished(() => app.stop())
      return app
    }),
  )
  const share = EVENTS / 5
  await Promise.all(
    Array.from({ length: 5 }, (_, n) =>
      sendSigned(apps[n % replicas]!.port, body(n * share, share)),
    ),
  )
  await vi.waitFor(() => expect(times).toHaveLength(EVENTS), { interval: 20, timeout: 60_000 })
  // A fifth of a second's may begin at once after a halt; and they do not arrive as they began.
  expect(findMost(times)).toBeLessThanOrEqual(RATE * 1.5)
  const ms = (times.at(-1) ?? 0) - (times[0] ?? 0)
  expect(ms).toBeGreaterThan(((EVENTS - RATE * 0.2) / RATE) * 1_000 - 300)
}

describe('a rate', () => {
  it('limits attempts', () => expectRate(1))

  it.skipIf(!server)('limits the attempts of all replicas together', async () => {
    const { url } = await createTestDatabase(server!)
    await expectRate(2, { STORE_URL: url })
  })
})
