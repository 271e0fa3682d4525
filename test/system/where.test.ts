import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sampleEvent, signedRequest } from 'mailtrap-receiver/testing'
import { expect, it, vi } from 'vitest'
import { makeFolder } from '../config/settings-folder.ts'
import { listen } from '../handlers/built-in/forward/listen.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { SECRET } from '../receive/start-server.ts'
import { startApp, type TestApp } from './start-app.ts'

const PATIENCE = { interval: 20 }

async function post({ port }: TestApp, events: readonly object[]): Promise<void> {
  const request = signedRequest(events, { secret: SECRET })
  const answer = await fetch(`http://127.0.0.1:${port}${request.url}`, request)
  expect(answer.status).toBe(200)
}

const idsOf = (requests: readonly { readonly body: string }[]) =>
  requests.map(({ body }) => JSON.parse(body).data.event.event_id).toSorted()

it('makes runs only of events whose fields fit, also when they are replayed', async () => {
  const [orders, all] = [await listen(), await listen()]
  const folder = makeFolder()
  const file = join(folder, 'receiver.yaml')
  const yaml = (fields: string) => `
    handlers:
      - { forward: ${all.url}, name: all }
      - { forward: ${orders.url}, name: orders, where: { ${fields} } }`
  writeFileSync(file, yaml('category: [Orders, Invoices], custom_variables.plan: pro'))
  const app = await startApp({ HANDLERS: '', CONFIG_FILE: file })
  onTestFinished(() => app.stop())
  const make = (category: string, plan: string) =>
    sampleEvent('open', { category, custom_variables: { plan } })
  const [fits, other, free] = [make('Orders', 'pro'), make('News', 'pro'), make('Orders', 'free')]
  await post(app, [fits, other, free])
  await vi.waitFor(() => expect(all.requests).toHaveLength(3), PATIENCE)
  await vi.waitFor(() => expect(orders.requests).toHaveLength(1), PATIENCE)
  expect(idsOf(orders.requests)).toEqual([fits.event_id])
  // A replay takes what is recorded as done, which is a moment after the request.
  await app.api.whenIdle()
  const listed = await fetch(`${app.adminUrl}/api/jobs?handler=orders`)
  expect(((await listed.json()) as { jobs: object[] }).jobs).toHaveLength(1)

  const replayed = await fetch(`${app.adminUrl}/api/replay`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ handler: 'orders' }),
  })
  expect(await replayed.json()).toEqual({ replayed: 1 })
  await vi.waitFor(() => expect(orders.requests).toHaveLength(2), PATIENCE)
  expect(idsOf(orders.requests)).toEqual([fits.event_id, fits.event_id])
  expect(all.requests).toHaveLength(3)
})
