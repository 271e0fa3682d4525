import { writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { makeFolder } from '../config/settings-folder.ts'
import { listen, type TestEndpoint } from '../handlers/built-in/forward/listen.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { sendSigned } from '../receive/send-request.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { startApp, type TestApp } from './start-app.ts'

const server = await findTestServer()
const PATIENCE = { interval: 20 }
const EVENTS = 30
/** Every third. */
const ANN = 'ann@example.com'

const body = JSON.stringify({
  events: Array.from({ length: EVENTS }, (_, n) => ({
    event: 'bounce',
    event_id: `in-hands-${n}`,
    email: n % 3 === 0 ? ANN : `user${n}@example.com`,
  })),
})

/** An endpoint that holds its answers until it is opened. */
async function listenClosed() {
  const held: ServerResponse[] = []
  let isOpen = false
  const endpoint = await listen((response) => {
    if (isOpen) response.end()
    else held.push(response)
  })
  return {
    ...endpoint,
    open() {
      isOpen = true
      for (const response of held) response.end()
    },
  }
}

async function start(
  endpoint: TestEndpoint,
  { limits, env = {} }: { limits: string; env?: Record<string, string> },
): Promise<TestApp> {
  const file = join(makeFolder(), 'receiver.yaml')
  writeFileSync(file, `handlers: [{ forward: ${endpoint.url}, ${limits} }]`)
  const app = await startApp({ HANDLERS: '', CONFIG_FILE: file, ...env })
  onTestFinished(() => app.stop())
  return app
}

async function erase(app: TestApp, recipient: string): Promise<void> {
  const answer = await fetch(`${app.adminUrl}/api/erase`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ recipient }),
  })
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ events: EVENTS / 3, waiting: 0 })
}

const tellsOfAnn = ({ body: text }: { readonly body: string }) => text.includes(ANN)

/** What runs may end; nothing of hers begins later, and everybody else’s events arrive. */
async function expectNoneBegins(
  limits: string,
  begun: number,
  env?: Record<string, string>,
): Promise<void> {
  const endpoint = await listenClosed()
  const app = await start(endpoint, { limits, ...(env && { env }) })
  expect(await sendSigned(app.port, body)).toMatchObject({ status: 200 })
  await vi.waitFor(() => expect(endpoint.requests).toHaveLength(begun), PATIENCE)
  const before = endpoint.requests.filter(tellsOfAnn).length
  await erase(app, ANN)
  endpoint.open()
  await app.api.whenIdle()
  expect(endpoint.requests.filter(tellsOfAnn)).toHaveLength(before)
  const others = endpoint.requests.filter((request) => !tellsOfAnn(request))
  expect(others).toHaveLength((EVENTS * 2) / 3)
}

describe('what a handler holds when a person is erased', { concurrent: true }, () => {
  it('does not begin in its process', () => expectNoneBegins('concurrency: 2', 2))

  it('does not begin where turns are awaited', () =>
    expectNoneBegins('concurrency: 2, rate: 20/s', 2))

  it.skipIf(!server)('does not begin on PostgreSQL', async () => {
    const { url } = await createTestDatabase(server!)
    await expectNoneBegins('concurrency: 2', 2, { STORE_URL: url })
  })
})
