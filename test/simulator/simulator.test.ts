import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Source } from '../../src/model.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import { keepState, loadState } from '../../src/simulator/create-simulator-server.ts'
import { onTestFinished } from '../on-test-finished.ts'
import {
  makeEvent,
  newWebhook,
  type SeenRequest,
  START,
  startEndpoint,
  startSimulator,
} from './start-simulator.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS

/** A webhook at an endpoint, both of them new. */
async function startSending(
  options: Parameters<typeof startSimulator>[0] = {},
  { answer, changes = {} }: { answer?: (request: SeenRequest) => number; changes?: object } = {},
) {
  const endpoint = await startEndpoint(answer)
  const started = await startSimulator(options)
  const create = async (more: object = {}) => {
    const body = newWebhook(endpoint.url, { ...changes, ...more })
    return (await started.call('POST', '/api/webhooks', body)).body.data
  }
  const secret = (await create()).signing_secret as string
  const advance = (time: string) => started.call('POST', '/simulator/clock', { advance: time })
  const isSigned = (request: SeenRequest, by = secret) => verify('mailtrap', request, [by])
  return { ...started, ...endpoint, api: started.url, create, secret, advance, isSigned }
}

function verify(
  provider: 'mailtrap' | 'mailingapi',
  { rawHeaders, body }: SeenRequest,
  secrets: string[],
): boolean {
  const source = { secrets, secretForm: 'raw', toleranceSeconds: 300 } as unknown as Source
  const signature = PROVIDERS[provider].readSignature(rawHeaders)
  if (signature === undefined) return false
  return PROVIDERS[provider].verify(body, signature, source, Date.now()) !== -1
}

describe('the simulated Mailtrap', () => {
  it('sends batches of up to 500 events, signed, as its requests were seen', async () => {
    const { requests, postEvents, advance, isSigned } = await startSending()
    const events = Array.from({ length: 501 }, (_, n) => makeEvent(n))
    expect(await postEvents(events)).toEqual({ status: 200, body: { events: 501, wanted: 501 } })
    await advance('29s')
    expect(requests).toHaveLength(1)
    await advance('1s')
    expect(requests).toHaveLength(2)
    const [first, second] = requests
    expect(first!.headers).toMatchObject({
      'content-type': 'application/json',
      'accept-encoding': 'gzip',
      'user-agent': 'Mailtrap/1.0 (Webhook; +https://help.mailtrap.io/article/102-webhooks)',
    })
    expect(requests.map((request) => isSigned(request))).toEqual([true, true])
    expect(first!.headers['mailtrap-signature']).toMatch(/^[0-9a-f]{64}$/)
    expect(JSON.parse(String(first!.body))).toEqual({ events: events.slice(0, 500) })
    expect(JSON.parse(String(second!.body))).toEqual({ events: events.slice(500) })
  })

  it('sends JSON Lines, and takes user, password and token from the URL', async () => {
    const { requests, port, postEvents, create, advance } = await startSending()
    const url = `http://user:pass%2Fword@127.0.0.1:${port}/hook?token=t-1&x=2`
    await create({ url, payload_format: 'jsonlines', sending_stream: 'bulk' })
    await postEvents([1, 2].map((n) => makeEvent(n, { sending_stream: 'bulk' })))
    await advance('30s')
    const [request] = requests
    expect(request).toMatchObject({ path: '/hook?token=t-1&x=2' })
    expect(request!.headers).toMatchObject({
      'content-type': 'application/jsonl',
      authorization: `Basic ${Buffer.from('user:pass/word').toString('base64')}`,
    })
    const lines = String(request!.body).split('\n')
    expect(lines.map((line) => line && JSON.parse(line).event_id)).toEqual(['id-1', 'id-2', ''])
  })

  it('gives each webhook what it asked for', async () => {
    const { create, postEvents, status } = await startSending()
    await create({ webhook_type: 'audit_log' })
    await create({ webhook_type: 'inbound_receiving', inbound_inbox_id: 77 })
    await create({ webhook_type: 'campaigns' })
    const { sending_stream: _none, ...campaign } = makeEvent(5)
    const inbound = { event: 'inbound.message_received', event_id: 'i', message_id: '1' }
    await postEvents([
      makeEvent(1),
      makeEvent(2, { sending_stream: 'bulk' }),
      makeEvent(3, { event: 'spam' }),
      makeEvent(4, { event: 'soft bounce' }),
      campaign,
      { event: 'activity_log.user.login', timestamp: 1 },
      { ...inbound, inbox_id: 77 },
      { ...inbound, inbox_id: 78 },
    ])
    const { webhooks } = await status()
    expect(webhooks.map((webhook) => webhook.events_wanted)).toEqual([2, 1, 1, 1])
  })

  it.each([201, 204, 301, 400, 500, 503, 0])('counts no answer but 200: %i', async (code) => {
    let answered = code
    const { requests, postEvents, advance, status } = await startSending(
      {},
      { answer: () => answered },
    )
    await postEvents([makeEvent(1)])
    await advance('30s')
    expect((await status()).webhooks[0]).toMatchObject({ events_sent: 0, events_queued: 1 })
    answered = 200
    await advance('4m')
    expect(requests).toHaveLength(1)
    await advance('1m')
    expect((await status()).webhooks[0]).toMatchObject({ events_sent: 1, events_queued: 0 })
    expect(requests[1]!.body).toEqual(requests[0]!.body)
  })

  it('waits no longer than its limit for an answer', async () => {
    const { postEvents, advance, records, simulator } = await startSending(
      { timeoutMs: 50 },
      { answer: () => 0 },
    )
    const silent = await startSilentEndpoint()
    simulator.change({ ...simulator.state().webhooks[0]!, url: silent })
    await postEvents([makeEvent(1)])
    await advance('30s')
    expect(records).toMatchObject([{ status: 'timeout', end: 'retry' }])
  })

  it('pauses the webhook after 40 retries, and starts anew when it is resumed', async () => {
    let answered = 503
    const { call, requests, postEvents, advance, status, records } = await startSending(
      {},
      { answer: () => answered },
    )
    await postEvents([makeEvent(1)])
    await advance('30s')
    await advance('195m')
    expect(requests).toHaveLength(40)
    expect((await call('GET', '/api/webhooks/9001')).body.data.active).toBe(true)
    await advance('5m')
    expect(requests).toHaveLength(41)
    expect(records.at(-1)).toMatchObject({ attempt: 41, end: 'given_up' })
    expect((await call('GET', '/api/webhooks/9001')).body.data.active).toBe(false)
    await advance('10h')
    expect(requests).toHaveLength(41)
    await postEvents([makeEvent(2)])
    answered = 200
    await call('PATCH', '/api/webhooks/9001', { webhook: { active: true } })
    await advance('30s')
    expect((await status()).webhooks[0]).toMatchObject({ state: 'active', events_sent: 2 })
  })

  it('drops what a paused webhook misses, if asked to', async () => {
    const { call, postEvents, status } = await startSending({ whenPaused: 'drop' })
    await call('PATCH', '/api/webhooks/9001', { webhook: { active: false } })
    await postEvents([makeEvent(1)])
    expect((await status()).webhooks[0]).toMatchObject({ events_wanted: 1, events_queued: 0 })
  })

  it('signs with the new secret from the moment of its reset', async () => {
    const { call, secret, requests, postEvents, advance, isSigned } = await startSending()
    const { body } = await call('POST', '/simulator/webhooks/mailtrap/9001/reset-secret', {})
    await postEvents([makeEvent(1)])
    await advance('30s')
    expect(isSigned(requests[0]!, body.signing_secret)).toBe(true)
    expect(isSigned(requests[0]!, secret)).toBe(false)
    await call('POST', '/simulator/faults', { old_secret: 1 })
    await postEvents([makeEvent(2)])
    await advance('30s')
    expect(isSigned(requests[1]!, secret)).toBe(true)
  })

  it('runs by itself when its clock runs', async () => {
    const { requests, postEvents } = await startSending({ speed: 10_000 })
    await postEvents([makeEvent(1)])
    await expect.poll(() => requests.length).toBe(1)
  })

  it('generates events for the first webhook of a kind, all of which it wants', async () => {
    const generate = { events: 300, overMs: 10 * MINUTE_MS, seed: 7 }
    const { create, advance, status, requests } = await startSending({ generate })
    await create()
    await advance('8d')
    const { webhooks } = await status()
    expect(webhooks.map((webhook) => webhook.events_wanted)[0]).toBe(300)
    expect(webhooks[0]).toMatchObject({ events_sent: 300, events_queued: 0 })
    expect(requests.length).toBeGreaterThan(40)
  })
})

describe('faults on request', () => {
  async function sendWith(faults: object, count = 20) {
    const started = await startSending({}, { changes: { payload_format: 'jsonlines' } })
    await started.call('POST', '/simulator/faults', faults)
    await started.postEvents(Array.from({ length: count }, (_, n) => makeEvent(n)))
    await started.advance('30s')
    const [request] = started.requests
    const lines = String(request!.body).trim().split('\n')
    return { ...started, request: request!, lines }
  }
  const ids = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).event_id)

  it('sends events twice in a batch', async () => {
    const { lines } = await sendWith({ duplicate: 1 })
    expect(lines).toHaveLength(40)
    expect(new Set(lines).size).toBe(20)
  })

  it('shuffles the events of a batch', async () => {
    const { lines } = await sendWith({ reorder: 1 })
    const expected = Array.from({ length: 20 }, (_, n) => `id-${n}`)
    expect(ids(lines)).not.toEqual(expected)
    expect(ids(lines).toSorted()).toEqual(expected.toSorted())
  })

  it('gives events a second id, or second content', async () => {
    const other = await sendWith({ changed_id: 1 })
    expect(new Set(ids(other.lines)).size).toBe(40)
    const { lines } = await sendWith({ changed_content: 1 })
    expect(new Set(ids(lines)).size).toBe(20)
    expect(new Set(lines).size).toBe(40)
  })

  it('breaks lines, and leaves their neighbours alone', async () => {
    const { lines } = await sendWith({ broken: 0.5 })
    const readable = lines.filter((line) => line.endsWith('}'))
    expect(readable).toHaveLength(20)
    expect(lines.length).toBeGreaterThan(20)
  })

  it('sends a whole batch once more after its 200', async () => {
    const { requests, advance, status } = await sendWith({ redeliver: 1 })
    await advance('1h')
    expect(requests).toHaveLength(2)
    expect(requests[1]!.body).toEqual(requests[0]!.body)
    expect((await status()).webhooks[0]).toMatchObject({ events_sent: 20, batches_queued: 0 })
  })

  it.each(['bad_signature', 'tampered'])('is not authentic with %s', async (fault) => {
    const { request, isSigned } = await sendWith({ [fault]: 1 })
    expect(request.headers['mailtrap-signature']).toMatch(/^[0-9a-f]{64}$/)
    expect(isSigned(request)).toBe(false)
  })

  it('takes its time over a body', async () => {
    const { records, isSigned, request } = await sendWith({ slow_body: 1 })
    expect(records[0]!.duration_ms).toBeGreaterThan(2_500)
    expect(isSigned(request)).toBe(true)
  })

  it.each([
    [{ duplicates: 1 }, 'duplicates'],
    [{ duplicate: 2 }, 'duplicate'],
    [{ ['__proto__']: 1 }, '__proto__'],
  ])('refuses %j', async (faults, name) => {
    const { call } = await startSimulator()
    const answer = await call('POST', '/simulator/faults', faults)
    expect(answer.status).toBe(422)
    expect(answer.body.message).toContain(name)
  })
})

describe('the simulated MailingAPI', () => {
  async function startMailingApi(answer?: () => number) {
    const endpoint = await startEndpoint(answer)
    const started = await startSimulator()
    const { body } = await started.call('POST', '/v1/webhooks', {
      url: endpoint.url,
      events: ['delivered', 'bounced'],
    })
    const path = `/v1/webhooks/${body.id}`
    const advance = (time: string) => started.call('POST', '/simulator/clock', { advance: time })
    const post = (...numbers: number[]) =>
      started.postEvents(
        numbers.map((n) => ({ id: `evt_${n}`, type: 'delivered', data: {} })),
        'mailingapi',
      )
    return { ...started, ...endpoint, path, secret: body.secret as string, advance, post }
  }

  it('sends one event a request, signed at the time of the attempt', async () => {
    const { requests, post, advance, secret, call, path } = await startMailingApi()
    await post(1, 2, 3)
    await advance('1s')
    expect(requests.map(({ body }) => JSON.parse(String(body)).id).toSorted()).toEqual([
      'evt_1',
      'evt_2',
      'evt_3',
    ])
    for (const request of requests) {
      expect(request.headers['x-mailingapi-signature']).toMatch(/^t=\d{10},v1=[0-9a-f]{64}$/)
      expect(verify('mailingapi', request, [secret])).toBe(true)
    }
    expect((await call('GET', path)).body).toMatchObject({
      status: 'active',
      stats: { total_sent: 3, successful: 3, failed: 0, last_failure: null },
    })
  })

  it('is failing after several failures in a row, well again after a success', async () => {
    let answered = 500
    const { post, advance, call, path } = await startMailingApi(() => answered)
    await post(1)
    await advance('11m')
    expect((await call('GET', path)).body).toMatchObject({
      status: 'failing',
      stats: { failed: 3 },
    })
    answered = 200
    await advance('5m')
    expect((await call('GET', path)).body.status).toBe('active')
  })

  it('is disabled for good after the last retry', async () => {
    const { post, advance, call, path, requests } = await startMailingApi(() => 500)
    await post(1)
    await advance('24h')
    expect(requests).toHaveLength(41)
    expect((await call('GET', path)).body.status).toBe('disabled')
    expect((await call('PATCH', path, { status: 'active' })).status).toBe(409)
  })

  it('signs with both secrets for a while, if a reset asks for it', async () => {
    const { post, advance, call, path, requests, secret } = await startMailingApi()
    const reset = `/simulator${path.replace('/v1/webhooks', '/webhooks/mailingapi')}/reset-secret`
    const { body } = await call('POST', reset, { overlap: '1h' })
    await post(1)
    await advance('1s')
    const header = requests[0]!.headers['x-mailingapi-signature']
    expect(header).toMatch(/^t=\d+,v1=[0-9a-f]{64},v1=[0-9a-f]{64}$/)
    expect(verify('mailingapi', requests[0]!, [secret])).toBe(true)
    expect(verify('mailingapi', requests[0]!, [body.signing_secret])).toBe(true)
    await advance('1h')
    await post(2)
    await advance('1s')
    expect(verify('mailingapi', requests[1]!, [secret])).toBe(false)
    expect(verify('mailingapi', requests[1]!, [body.signing_secret])).toBe(true)
  })
})

describe('a simulator’s state', () => {
  it('goes on from its file: webhooks, queues, streams and clock', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simulator-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'state.json')
    const generate = { events: 100, overMs: 10 * MINUTE_MS, seed: 3 }
    let answered = 503
    const before = await startSending({ generate }, { answer: () => answered })
    await before.advance('5m')
    keepState(before.simulator, file, () => {})()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    answered = 200
    const state = loadState(file)
    expect(state).toMatchObject({ version: 2, now: START + 5 * MINUTE_MS })
    const after = await startSimulator({ generate, state })
    await after.call('POST', '/simulator/clock', { advance: '8d' })
    expect((await after.status()).webhooks[0]).toMatchObject({ events_sent: 100, events_queued: 0 })
    const sent = before.requests.filter((_, n) => n >= before.records.length)
    expect(sent.every((request) => before.isSigned(request))).toBe(true)
    const ids = sent.flatMap(({ body }) =>
      JSON.parse(String(body)).events.map((event: { event_id: string }) => event.event_id),
    )
    expect(new Set(ids).size).toBe(100)
    expect(ids).toHaveLength(100)
  })
})

/** Takes requests, and never answers. */
async function startSilentEndpoint(): Promise<string> {
  const { createServer } = await import('node:net')
  const server = createServer(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`
}
