import { createHmac } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { sendAlert } from '../../src/alerts/send-alert.ts'
import { NOW } from './sample-figures.ts'
import { startSink } from './start-sink.ts'

const MESSAGE = {
  cause: 'jobs_dead:crm',
  state: 'began',
  since: NOW,
  text: '3 jobs of <crm> & others are dead.',
  receiver: 'hooks.example.com',
} as const
const never = new AbortController().signal
const rules = { now: NOW, signal: never, timeoutMs: 5_000 }
const KEY = Buffer.alloc(32, 7).toString('base64')

describe('an alert', () => {
  it('is posted as plain JSON, unsigned without a secret', async () => {
    const { url, requests } = await startSink()
    expect(await sendAlert({ url, secret: undefined }, MESSAGE, rules)).toBe(200)
    expect(requests).toHaveLength(1)
    expect(JSON.parse(requests[0]!.body)).toEqual({
      ...MESSAGE,
      since: '2026-11-30T03:00:00.000Z',
    })
    expect(requests[0]?.headers).toMatchObject({ 'content-type': 'application/json' })
    expect(requests[0]?.headers['webhook-signature']).toBeUndefined()
  })
  it('is signed by Standard Webhooks, with the same id when it is sent again', async () => {
    const { url, requests } = await startSink()
    await sendAlert({ url, secret: `whsec_${KEY}` }, MESSAGE, rules)
    await sendAlert({ url, secret: `whsec_${KEY}` }, MESSAGE, { ...rules, now: NOW + 60_000 })
    const [first, second] = requests.map(({ headers }) => headers)
    expect(first?.['webhook-id']).toMatch(/^msg_[0-9a-f]{32}$/)
    expect(second?.['webhook-id']).toBe(first?.['webhook-id'])
    expect(second?.['webhook-timestamp']).toBe(String((NOW + 60_000) / 1_000))
    const signed = `${first?.['webhook-id']}.${NOW / 1_000}.${requests[0]?.body}`
    const expected = createHmac('sha256', Buffer.alloc(32, 7)).update(signed).digest('base64')
    expect(first?.['webhook-signature']).toBe(`v1,${expected}`)
  })
  it('has Slack’s form for Slack’s hosts, with what Slack takes for its own escaped', async () => {
    const posted: [unknown, RequestInit][] = []
    vi.stubGlobal('fetch', async (url: unknown, request: RequestInit) => {
      posted.push([url, request])
      return new Response('ok')
    })
    try {
      const url = 'https://hooks.slack.com/services/T0/B0/hush'
      await sendAlert({ url, secret: undefined }, { ...MESSAGE, state: 'ended' }, rules)
      expect(JSON.parse(String(posted[0]?.[1].body))).toEqual({
        text: 'hooks.example.com: Over: 3 jobs of &lt;crm&gt; &amp; others are dead. (since 2026-11-30T03:00:00.000Z)',
      })
    } finally {
      vi.unstubAllGlobals()
    }
  })
  it('says what came back, and never where to', async () => {
    const { url, answer } = await startSink()
    const target = { url, secret: undefined }
    Object.assign(answer, { status: 403, body: 'invalid_token\n' })
    const refused = 'Where ALERT_URL leads answered 403 (invalid_token).'
    await expect(sendAlert(target, MESSAGE, rules)).rejects.toThrow(refused)
    Object.assign(answer, { status: 302, body: '', headers: { location: url } })
    const moved = 'Where ALERT_URL leads answered 302.'
    await expect(sendAlert(target, MESSAGE, rules)).rejects.toThrow(moved)
    const nowhere = { url: 'http://127.0.0.1:9/hush', secret: undefined }
    await expect(sendAlert(nowhere, MESSAGE, rules)).rejects.toThrow(
      /^Where ALERT_URL leads cannot be reached: [A-Z_]+\.$|no connection/,
    )
    const none = { url: 'http://127.0.0.1:1/hush', secret: undefined }
    const error = await sendAlert(none, MESSAGE, rules).catch(String)
    expect(error).not.toContain('hush')
  })
})
