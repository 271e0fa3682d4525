import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Handler } from 'mailtrap-receiver'
import { runHandler, sampleEvent } from 'mailtrap-receiver/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'

interface Call {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
}

/** A service that answers every call like this. */
async function startService(status: number, headers: Record<string, string> = {}) {
  const calls: Call[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { method, url: path } = request
    calls.push({ method, path, headers: request.headers, body: JSON.parse(text) })
    response.writeHead(status, headers).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { calls, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

async function load(recipe: string): Promise<Handler> {
  vi.resetModules()
  const { default: handler } = await import(`../../fixtures/handlers/recipes/${recipe}.ts`)
  return handler
}

/** A hard bounce of MailingAPI's. */
const bounced = {
  id: 'evt_1',
  type: 'bounced',
  data: { message_id: 'msg_1', to: 'ann@example.com', bounce_type: 'permanent' },
}

afterEach(() => void vi.unstubAllEnvs())

describe('the recipe slack-complaints', () => {
  it('tells of a complaint without the address', async () => {
    const { calls, url } = await startService(200)
    vi.stubEnv('SLACK_URL', url)
    const event = sampleEvent('spam', {
      email: 'ann@example.com',
      category: 'Offers',
      message_id: 'm1',
    })
    expect(await runHandler(await load('slack-complaints'), event)).toMatchObject({
      outcome: 'done',
    })
    expect(calls).toMatchObject([{ body: { text: expect.stringMatching(/Offers: m1$/) } }])
    expect(JSON.stringify(calls)).not.toContain('ann@')
  })

  it.each([
    [500, 'retry'],
    [410, 'dead'],
  ])('ends with %i as %s', async (status, outcome) => {
    const { url } = await startService(status)
    vi.stubEnv('SLACK_URL', url)
    const handler = await load('slack-complaints')
    expect(await runHandler(handler, sampleEvent('spam'))).toMatchObject({ outcome })
  })
})

describe('the recipe crm-contacts', () => {
  it('writes the state of a contact, with its time and rank', async () => {
    const { calls, url } = await startService(200)
    vi.stubEnv('CRM_URL', url)
    vi.stubEnv('CRM_TOKEN', 'crm-token')
    const event = sampleEvent('unsubscribe', {
      email: 'ann+1@example.com',
      timestamp: 1_768_651_200,
    })
    expect(await runHandler(await load('crm-contacts'), event)).toMatchObject({ outcome: 'done' })
    expect(calls).toMatchObject([
      {
        method: 'PATCH',
        path: '/contacts/ann%2B1%40example.com',
        headers: { authorization: 'Bearer crm-token' },
        body: { email_state: 'unsubscribed', email_state_at: '2026-01-17T12:00:00.000Z', rank: 6 },
      },
    ])
  })

  it('waits as long as it is asked to', async () => {
    const { url } = await startService(429, { 'retry-after': '7' })
    vi.stubEnv('CRM_URL', url)
    const ended = await runHandler(await load('crm-contacts'), sampleEvent('spam'))
    expect(ended).toMatchObject({ outcome: 'retry', error: expect.stringContaining('429') })
  })

  it('has nothing to do for somebody whom the CRM does not know', async () => {
    const { url } = await startService(404)
    vi.stubEnv('CRM_URL', url)
    expect(await runHandler(await load('crm-contacts'), sampleEvent('spam'))).toMatchObject({
      outcome: 'done',
    })
  })
})

describe('the recipe mailtrap-suppressions', () => {
  it('adds who bounced for good elsewhere, and leaves to Mailtrap what is its own', async () => {
    const { calls, url } = await startService(201)
    vi.stubEnv('MAILTRAP_API_URL', url)
    vi.stubEnv('MAILTRAP_ACCOUNT_ID', '7')
    vi.stubEnv('SUPPRESSIONS_TOKEN', 'suppressions-token')
    vi.stubEnv('SUPPRESSIONS_DOMAIN_ID', '42')
    const handler = await load('mailtrap-suppressions')
    expect(await runHandler(handler, bounced, { provider: 'mailingapi' })).toMatchObject({
      outcome: 'done',
    })
    const unknown = { ...bounced, data: { ...bounced.data, bounce_type: undefined } }
    await runHandler(handler, unknown, { provider: 'mailingapi' })
    await runHandler(handler, sampleEvent('bounce'))
    expect(calls).toMatchObject([
      {
        path: '/api/accounts/7/suppressions',
        headers: { authorization: 'Bearer suppressions-token' },
        body: { email: 'ann@example.com', domain_id: 42, type: 'hard bounce' },
      },
    ])
  })
})
