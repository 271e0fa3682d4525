import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { runCommand } from '../cli/run-command.ts'
import { findFreePort } from '../receive/find-free-port.ts'
import { sendSigned } from '../receive/send-request.ts'
import { SECRET } from '../receive/start-server.ts'
import { START, startSimulator, TOKEN } from '../simulator/start-simulator.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { startApp } from './start-app.ts'

const MINUTE_MS = 60_000
const iso = (at: number) => new Date(at).toISOString()

const server = await findTestServer()

const OPTIONS = { concurrent: true, timeout: 120_000 }

it(
  'brings back what an outage of 41 tries has cost, nothing missing and nothing twice',
  OPTIONS,
  () => bringBack({}),
)

it.skipIf(!server)('does so on PostgreSQL', OPTIONS, async () => {
  const { url } = await createTestDatabase(server!)
  await bringBack({ STORE_URL: url })
})

async function bringBack(storeEnv: Record<string, string>): Promise<void> {
  const port = await findFreePort()
  const provider = await startSimulator({ account: '4711', whenPaused: 'drop' })
  const { simulator, call } = provider
  const url = `http://127.0.0.1:${port}/webhooks/mailtrap`
  const types = ['delivery', 'open', 'click', 'bounce', 'soft_bounce']
  const webhook = { url, webhook_type: 'email_sending', sending_stream: 'transactional' }
  await call('POST', '/api/webhooks', { webhook: { ...webhook, event_types: types } })
  const [created] = simulator.state().webhooks
  expect(created?.secret).toBeTruthy()
  const env = {
    PORT: String(port),
    MAILTRAP_SIGNING_SECRET: `${created?.secret},${SECRET}`,
    ...storeEnv,
  }
  let app = await startApp(env)
  const send = (type: string, message_id: string = randomUUID()) => {
    const event = {
      event: type,
      event_id: randomUUID(),
      timestamp: Math.floor(simulator.clock.now() / 1_000),
      email: 'user1@example.com',
      message_id,
      sending_stream: 'transactional',
      category: 'Orders',
      custom_variables: { order: 7 },
      ...(type.endsWith('bounce') && { response: '550 5.1.1 No', response_code: 550 }),
    }
    simulator.post('mailtrap', event)
    return event
  }
  try {
    const before = send('delivery')
    await simulator.advance(MINUTE_MS)
    await app.api.whenIdle()
    expect(app.runs()).toHaveLength(1)

    await app.pause()
    const lostFrom = simulator.clock.now()
    const lost = [
      send('open', before.message_id),
      send('delivery'),
      send('bounce'),
      send('soft bounce'),
    ]
    await simulator.advance(41 * 5 * MINUTE_MS)
    expect(simulator.state().webhooks[0]).toMatchObject({ isActive: false })
    const lostTo = simulator.clock.now()
    await call('PATCH', `/api/webhooks/${created?.id}`, { webhook: { active: true } })
    app = await app.restart()
    send('delivery')
    await simulator.advance(MINUTE_MS)
    await app.api.whenIdle()
    expect(app.runs()).toHaveLength(2)

    const backfill = async (...more: string[]) => {
      const given = ['backfill', '--from', iso(lostFrom), '--to', iso(lostTo), '--json']
      const { exitCode, out, err } = await runCommand(
        [...given, '--admin-url', app.adminUrl, ...more],
        {
          env: {
            MAILTRAP_API_TOKEN: TOKEN,
            MAILTRAP_ACCOUNT_ID: '4711',
            MAILTRAP_API_URL: provider.url,
          },
        },
      )
      expect(exitCode, err).toBe(0)
      return JSON.parse(out)
    }
    expect(await backfill('--dry-run')).toMatchObject({ known: 0, missing: 4, added: 0 })
    expect(await backfill()).toMatchObject({ events: 4, missing: 4, added: 4 })
    await app.api.whenIdle()
    expect(app.runs()).toHaveLength(6)
    const filled = (await app.api.events()).filter(({ event_id }) =>
      event_id?.startsWith('backfilled/'),
    )
    expect(filled.map(({ type }) => type).sort()).toEqual([
      'bounce',
      'delivery',
      'open',
      'soft bounce',
    ])
    const bounce = await app.api.event(filled.find(({ type }) => type === 'bounce')!.id)
    expect(JSON.parse(bounce.payload)).toMatchObject({
      backfilled: true,
      response_code: 550,
      custom_variables: { order: 7 },
    })
    expect(await backfill()).toMatchObject({ known: 4, missing: 0, added: 0 })

    // The provider had kept them after all.
    const late = JSON.stringify({
      events: [...lost, { ...lost[1], event_id: 'n', timestamp: Math.floor(START / 1_000) }],
    })
    expect((await sendSigned(port, late)).status).toBe(200)
    const stats = await app.api.whenIdle()
    expect(stats.duplicates).toBe(4)
    expect(app.runs()).toHaveLength(7)
  } finally {
    await app.stop()
  }
}
