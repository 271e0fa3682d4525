import { setTimeout } from 'node:timers/promises'
import { verifyWebhookSignature } from 'mailtrap'
import { Webhook } from 'standardwebhooks'
import { expect, it, vi } from 'vitest'
import { makeFolder } from '../config/settings-folder.ts'
import { listen } from '../handlers/built-in/forward/listen.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { sendSigned } from '../receive/send-request.ts'
import { createAdminApi } from './admin-api.ts'
import { createEventSender } from './event-sender.ts'
import { type ReadIds, startFaultyEndpoint } from './faulty-endpoint.ts'
import { IS_LONG } from './long-runs.ts'
import { type ReceiverProcess, startReceiver } from './receiver-process.ts'

const EVENTS = IS_LONG ? 50_000 : 1_000
const PATIENCE = { interval: 50, timeout: IS_LONG ? 900_000 : 120_000 }
const MAILTRAP_SECRET = '8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2f'
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

interface SentEvent {
  readonly event_id: string
}

/** As a team reads Mailtrap's webhooks today. */
const readMailtrap: ReadIds = (body, headers) => {
  const signature = String(headers['mailtrap-signature'])
  if (!verifyWebhookSignature(body, signature, MAILTRAP_SECRET)) throw new Error('signature')
  const { events } = JSON.parse(body.toString()) as { events: SentEvent[] }
  return events.map(({ event_id }) => event_id)
}

type OwnForm = { readonly data: { readonly event: SentEvent } }

const readEvent: ReadIds = (body, headers) => {
  const { data } = new Webhook(SECRET).verify(body, headers as never) as OwnForm
  return [data.event.event_id]
}

const readBatch: ReadIds = (body, headers) => {
  const { events } = new Webhook(SECRET).verify(body, headers as never) as { events: OwnForm[] }
  return events.map(({ data }) => data.event.event_id)
}

it.concurrent.each([
  { format: 'mailtrap', secret: MAILTRAP_SECRET, read: readMailtrap, faultEvery: 2 },
  { format: 'event', secret: SECRET, read: readEvent, faultEvery: 25 },
  { format: 'batch', secret: SECRET, read: readBatch, faultEvery: 3 },
])(
  'brings every event to an endpoint that fails in every way, in the format $format, and again only where an answer was lost',
  { timeout: PATIENCE.timeout * 2 },
  async ({ format, secret, read, faultEvery }) => {
    const endpoint = await startFaultyEndpoint(read, faultEvery)
    const receiver = await startReceiver({
      FORWARD_URL: endpoint.url,
      FORWARD_SECRET: secret,
      FORWARD_FORMAT: format,
      DATA_DIR: makeFolder(),
      // Longer than a busy machine may stop: an answer that comes too late is not expected here.
      HANDLER_TIMEOUT: '5s',
      RETRY_SCHEDULE: [...Array(30).fill('300ms'), ...Array(20).fill('3s')].join(','),
    })
    const sender = createEventSender(receiver.publicUrl, {
      eventsPerBatch: 50,
      keepsConnections: true,
    })
    const sendUntil = async (events: number) => {
      while (sender.acknowledged.size < events) await sender.send()
    }
    await sendUntil(EVENTS / 2)
    await vi.waitFor(() => expect(endpoint.accepted.size).toBeGreaterThan(EVENTS / 5), PATIENCE)
    await endpoint.goDown()
    await sendUntil(EVENTS)
    await setTimeout(1_000)
    await endpoint.comeUp()
    const api = createAdminApi(receiver.adminUrl)
    await api.whenIdle(PATIENCE)
    // Few requests bring many events when they have waited for each other.
    for (; endpoint.faults < 5; await api.whenIdle(PATIENCE)) await sender.send()

    const { accepted, unsure } = endpoint
    expect(endpoint.rejected).toEqual([])
    const missing = [...sender.acknowledged].filter((id) => !accepted.has(id))
    expect(missing).toEqual([])
    const repeated = [...accepted].filter(([id, times]) => times > 1 && !unsure.has(id))
    expect(repeated).toEqual([])
    const { jobs } = await api.stats()
    expect(jobs['forward']).toMatchObject({ done: sender.acknowledged.size, dead: 0, pending: 0 })
  },
)

async function ask({ adminUrl }: ReceiverProcess, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`${adminUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body ?? {}),
  })
  return answer.json()
}

it.concurrent('is a handler like any other: it is paused, replayed, and what was erased comes no more', async () => {
  const endpoint = await listen()
  const receiver = await startReceiver({ FORWARD_URL: endpoint.url, DATA_DIR: makeFolder() })
  onTestFinished(() => void receiver.child.kill())
  const sender = createEventSender(receiver.publicUrl, { eventsPerBatch: 1 })
  const whenArrived = (count: number) =>
    vi.waitFor(() => expect(endpoint.requests).toHaveLength(count), PATIENCE)
  await sender.send()
  await whenArrived(1)
  expect(await ask(receiver, '/api/handlers/forward/pause')).toMatchObject({ paused: true })
  await sender.send()
  await vi.waitFor(async () => {
    const { jobs } = await createAdminApi(receiver.adminUrl).stats()
    expect(jobs['forward']).toMatchObject({ pending: 1, done: 1 })
  }, PATIENCE)
  expect(endpoint.requests).toHaveLength(1)
  await ask(receiver, '/api/handlers/forward/resume')
  await whenArrived(2)
  await createAdminApi(receiver.adminUrl).whenIdle()
  expect(await ask(receiver, '/api/replay', { handler: 'forward' })).toEqual({ replayed: 2 })
  await whenArrived(4)
  const ids = endpoint.requests.map(({ headers }) => headers['webhook-id'])
  expect(new Set(ids).size).toBe(2)

  const event = { event: 'open', event_id: 'e-1', email: 'ada@example.test' }
  await sendSigned(Number(new URL(receiver.publicUrl).port), JSON.stringify({ events: [event] }))
  await whenArrived(5)
  await createAdminApi(receiver.adminUrl).whenIdle()
  await ask(receiver, '/api/erase', { recipient: 'ada@example.test' })
  await ask(receiver, '/api/replay', { handler: 'forward', type: 'open' })
  await createAdminApi(receiver.adminUrl).whenIdle()
  const told = endpoint.requests.slice(5).map(({ body }) => body)
  expect(told.join()).not.toContain('ada@example.test')
})
