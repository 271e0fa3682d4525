import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  SAMPLE_SECRET,
  type SignedRequest,
  type SignedRequestOptions,
  signedRequest,
} from '../../src/handlers/signed-request.ts'
import { sampleEvent } from '../../src/handlers/testing.ts'
import type { ProviderName, Source } from '../../src/model.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'

function isAuthentic(request: SignedRequest, name: ProviderName, secret = SAMPLE_SECRET): boolean {
  const provider = PROVIDERS[name]
  const signature = provider.readSignature(Object.entries(request.headers).flat())
  const source: Source = {
    name,
    provider: name,
    secrets: [secret],
    allowIps: [],
    basicAuth: undefined,
    urlToken: undefined,
    toleranceSeconds: 300,
    secretForm: 'raw',
  }
  return (
    signature !== undefined && provider.verify(request.body, signature, source, Date.now()) === 0
  )
}

describe('signedRequest', () => {
  it('makes the request that Mailtrap makes', () => {
    const events = [sampleEvent('open'), sampleEvent('activity_log.user.login')]
    const request = signedRequest(events)
    expect(request).toMatchObject({
      method: 'POST',
      url: '/webhooks/mailtrap',
      headers: { 'content-type': 'application/json' },
    })
    expect(JSON.parse(request.body.toString())).toEqual({ events })
    const digest = createHmac('sha256', SAMPLE_SECRET).update(request.body).digest('hex')
    expect(Object.values(request.headers)).toContain(digest)
    expect(isAuthentic(request, 'mailtrap')).toBe(true)
  })

  it('makes the request that MailingAPI makes', () => {
    const event = sampleEvent('bounced')
    const request = signedRequest(event)
    expect(request.url).toBe('/webhooks/mailingapi')
    expect(JSON.parse(request.body.toString())).toEqual(event)
    expect(isAuthentic(request, 'mailingapi')).toBe(true)
  })

  it.each([
    ['json', '{"events":[{"event":"a"},{"event":"b"}]}', 'application/json'],
    ['array', '[{"event":"a"},{"event":"b"}]', 'application/json'],
    ['jsonlines', '{"event":"a"}\n{"event":"b"}\n', 'application/jsonl'],
  ] as const)('writes %s', (format, body, contentType) => {
    const request = signedRequest([{ event: 'a' }, { event: 'b' }], { format })
    expect(request.body.toString()).toBe(body)
    expect(request.headers['content-type']).toBe(contentType)
  })

  it('writes a single event, and only one', () => {
    const options: SignedRequestOptions = { format: 'single' }
    expect(signedRequest({ event: 'a' }, options).body.toString()).toBe('{"event":"a"}')
    expect(() => signedRequest([{}, {}], options)).toThrow('exactly one event')
  })

  it('sends an event given as text exactly as it is', () => {
    const text = '{ "event" : "open", "n": 12345678901234567890 }'
    expect(signedRequest(text, { format: 'single' }).body.toString()).toBe(text)
    expect(signedRequest([text, 'not json']).body.toString()).toBe(`{"events":[${text},not json]}`)
  })

  it('takes source, provider, secret and time of signing', () => {
    const request = signedRequest(sampleEvent('open'), { source: 'tx', secret: 'other' })
    expect(request.url).toBe('/webhooks/tx')
    expect(isAuthentic(request, 'mailtrap', 'other')).toBe(true)
    expect(isAuthentic(request, 'mailtrap')).toBe(false)
    const old = signedRequest({ id: 'evt_1' }, { provider: 'mailingapi', signedAt: new Date(0) })
    expect(isAuthentic(old, 'mailingapi')).toBe(false)
  })

  it.each(['signature', 'body'] as const)('is not authentic with a spoilt %s', (tamper) => {
    expect(isAuthentic(signedRequest(sampleEvent('open'), { tamper }), 'mailtrap')).toBe(false)
    expect(isAuthentic(signedRequest(sampleEvent('opened'), { tamper }), 'mailingapi')).toBe(false)
    const [good, spoilt] = [{}, { tamper }].map((options) => signedRequest({ event: 'a' }, options))
    expect(Object.keys(spoilt?.headers ?? {})).toEqual(Object.keys(good?.headers ?? {}))
  })

  it('can be given to fetch', () => {
    const request = signedRequest(sampleEvent('open'))
    const sent = new Request(new URL(request.url, 'http://127.0.0.1'), request)
    expect(sent.headers.get('content-type')).toBe('application/json')
  })
})
