import { verifyWebhookSignature } from 'mailtrap'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import type { ForwardOptions } from '../../../../src/handlers/built-in/built-in-options.ts'
import { createForwardHandler } from '../../../../src/handlers/built-in/forward/forward-handler.ts'
import { runHandler } from '../../../../src/handlers/run-handler.ts'
import { sampleEvent } from '../../../../src/handlers/testing.ts'
import { CERTIFICATES } from '../../../receive/certificates.ts'
import { type Answerer, listen } from './listen.ts'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const MAILTRAP_SECRET = '8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e'

function forwardTo(url: string, options: Partial<ForwardOptions> = {}) {
  const { format = 'event' } = options
  const batchSize = { event: 1, batch: 100, mailtrap: 500 }[format]
  return createForwardHandler(
    { name: 'to-app', events: ['*'] },
    { url, format, headers: {}, batchSize, ...options },
  )
}

/** What becomes of one event, or of some, for an endpoint that answers so. */
async function runAgainst(answer: Answerer, options: Partial<ForwardOptions> = {}, events = 1) {
  const endpoint = await listen(answer)
  const handler = forwardTo(endpoint.url, options)
  const items = Array.from({ length: events }, () => sampleEvent('bounce'))
  const run = await runHandler(handler, options.format ? items : items[0]!, { timeoutMs: 20_000 })
  return { run, items, requests: endpoint.requests }
}

describe('forward, an event a request', () => {
  it('posts the event as it came, with what is known of it', async () => {
    const { url, requests } = await listen()
    const payload =
      '{ "event":"bounce","event_id":"e1", "timestamp":1768651200,"message_id":"m1","email":"A@b.test","n":12345678901234567890}'
    const receivedAt = new Date(1_768_651_300_000)
    const run = await runHandler(forwardTo(url), payload, { receivedAt, source: 'orders' })
    expect(run.outcome).toBe('done')
    const [request] = requests
    expect(request).toMatchObject({ method: 'POST', path: '/hooks' })
    expect(request?.headers['content-type']).toBe('application/json')
    expect(request?.headers['webhook-signature']).toBeUndefined()
    const id = request?.headers['webhook-id']
    expect(id).toMatch(/^to-app:[\w-]{22}$/)
    expect(JSON.parse(request?.body ?? '')).toEqual({
      type: 'email.bounced',
      timestamp: '2026-01-17T12:00:00.000Z',
      data: {
        id,
        provider: 'mailtrap',
        source: 'orders',
        receivedAt: '2026-01-17T12:01:40.000Z',
        recipient: 'A@b.test',
        messageId: 'm1',
        event: JSON.parse(payload),
      },
    })
    expect(request?.body).toContain(`"event":${payload}`)
  })

  it('takes the provider’s name where there is no other, and the time of receipt where it gave none', async () => {
    const { url, requests } = await listen()
    const receivedAt = new Date(1_768_651_300_000)
    await runHandler(forwardTo(url), '{"event":"new_kind"}', { receivedAt })
    expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({
      type: 'new_kind',
      timestamp: '2026-01-17T12:01:40.000Z',
      data: { recipient: null, messageId: null, event: { event: 'new_kind' } },
    })
  })

  it('makes JSON of an event that came as a form', async () => {
    const { url, requests } = await listen()
    const form = 'event=bounce&email=a%40b.test'
    expect((await runHandler(forwardTo(url), form, { provider: 'mailtrap' })).outcome).toBe('done')
    const { data } = JSON.parse(requests[0]?.body ?? '')
    expect(data.event).toMatchObject({ event: 'bounce', email: 'a@b.test' })
  })

  it('signs by Standard Webhooks, as their library verifies', async () => {
    const { url, requests } = await listen()
    const event = sampleEvent('open')
    for (const secret of [SECRET, SECRET.slice(6)]) {
      await runHandler(forwardTo(url, { secret }), event)
      const { body, headers } = requests.at(-1)!
      expect(() => new Webhook(secret).verify(body, headers as never)).not.toThrow()
      expect(() => new Webhook(secret).verify(`${body} `, headers as never)).toThrow()
    }
  })

  it('sends fixed headers, and user and password of the URL', async () => {
    const { url, requests } = await listen()
    const own = url.replace('http://', 'http://user:pass%40word@')
    await runHandler(forwardTo(own, { headers: { 'X-Team': 'mail' } }), sampleEvent('open'))
    const authorization = `Basic ${Buffer.from('user:pass@word').toString('base64')}`
    expect(requests[0]?.headers).toMatchObject({ 'x-team': 'mail', authorization })
  })

  it('uses a connection again', async () => {
    const { url, requests } = await listen((response) => response.end('x'.repeat(10_000)))
    const handler = forwardTo(url)
    for (let n = 0; n < 10; n++) await runHandler(handler, sampleEvent('open'))
    expect(new Set(requests.map(({ connection }) => connection)).size).toBe(1)
  })

  it('sends again at once what met a connection that was just being closed', async () => {
    // The second request by a connection is never answered, as by a server whose idle time is over.
    const seen = new Map<unknown, number>()
    const { url, requests } = await listen((response, _request, socket) => {
      const count = (seen.get(socket) ?? 0) + 1
      seen.set(socket, count)
      if (count > 1) socket.resetAndDestroy()
      else response.end()
    })
    const handler = forwardTo(url)
    for (let n = 0; n < 3; n++) {
      expect((await runHandler(handler, sampleEvent('open'))).outcome).toBe('done')
    }
    expect(requests.length).toBeGreaterThan(3)
  })
})

describe('forward, by what the endpoint answers', () => {
  it.each([200, 201, 202, 204])('is done with %i', async (status) => {
    const { run } = await runAgainst((response) => response.writeHead(status).end())
    expect(run).toMatchObject({ outcome: 'done', error: undefined })
  })

  it.each([
    [400, /answered 400\.$/],
    [401, /answered 401: it may check another secret, or want other headers\.$/],
    [404, /answered 404\.$/],
    [500, /answered 500\.$/],
    [429, /answered 429\.$/],
    [302, /answered 302: redirects are not followed. Set the address it leads to/],
  ])('tries again after %i, and says so', async (status, text) => {
    const { run, requests } = await runAgainst((response) =>
      response.writeHead(status, { location: '/elsewhere' }).end('secret body'),
    )
    expect(run.outcome).toBe('retry')
    expect(run.error).toMatch(text)
    expect(run.error).not.toMatch(/secret body|\n/)
    expect(requests).toHaveLength(1)
  })

  it('gives up at once after 410', async () => {
    const { run } = await runAgainst((response) => response.writeHead(410).end())
    expect(run).toMatchObject({ outcome: 'dead' })
    expect(run.error).toMatch(/answered 410: it wants no more/)
  })

  it('is done once 2xx was said, whatever becomes of the rest of the answer', async () => {
    const cut = await runAgainst((response, _request, socket) => {
      response.writeHead(200, { 'content-length': 100 }).write('x')
      setImmediate(() => socket.destroy())
    })
    expect(cut.run.outcome).toBe('done')
    const endless = await runAgainst((response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write('x'.repeat(65_536)), 1)
      response.on('close', () => clearInterval(timer))
    })
    expect(endless.run.outcome).toBe('done')
  })

  it('is broken off with the attempt', async () => {
    const endpoint = await listen(() => {})
    const run = await runHandler(forwardTo(endpoint.url), sampleEvent('open'), { timeoutMs: 100 })
    expect(run.outcome).toBe('retry')
  })

  it('says what hindered it, and nothing secret of the address', async () => {
    const { url } = await listen((_response, _request, socket) => socket.end())
    const closed = await runHandler(
      forwardTo(url.replace('http://', 'http://user:pa55word@').concat('?token=t0ken')),
      sampleEvent('open'),
    )
    expect(closed.error).toMatch(/the connection was closed before an answer came \(ECONNRESET\)/)
    const refused = await runHandler(
      forwardTo('http://user:pa55word@127.0.0.1:1/p4th?token=t0ken'),
      sampleEvent('open'),
    )
    expect(refused.error).toBe(
      'ForwardError: http://127.0.0.1:1 did not answer: nothing listens there (ECONNREFUSED).',
    )
    for (const { error } of [closed, refused]) expect(error).not.toMatch(/pa55word|t0ken|p4th/)
    const strange = await runAgainst((_response, _request, socket) => socket.end('SSH-2.0\r\n\r\n'))
    expect(strange.run.error).toMatch(/does not speak HTTP/)
  })

  it('trusts its own authority besides the usual ones', async () => {
    const [tls] = CERTIFICATES
    const { url } = await listen((response) => response.end(), tls)
    const unknown = await runHandler(forwardTo(url), sampleEvent('open'))
    expect(unknown.error).toMatch(/no authority that is known here has signed its certificate/)
    const known = await runHandler(forwardTo(url, { ca: tls.cert.toString() }), sampleEvent('open'))
    expect(known).toMatchObject({ outcome: 'done' })
  })
})

describe('forward in batches', () => {
  it('posts the same objects, signed by Standard Webhooks', async () => {
    const options = { format: 'batch', secret: SECRET } as const
    const { run, items, requests } = await runAgainst((response) => response.end(), options, 3)
    expect(run.outcome).toBe('done')
    const { body, headers } = requests[0]!
    const { events } = new Webhook(SECRET).verify(body, headers as never) as {
      events: { data: { event: object } }[]
    }
    expect(events.map(({ data }) => data.event)).toEqual(items)
  })

  const idsOf = (body: string): string[] =>
    JSON.parse(body).events.map(({ data }: { data: { id: string } }) => data.id)

  it('has only those tried again that the answer names', async () => {
    const { run, items } = await runAgainst(
      (response, { body }) => response.end(JSON.stringify({ failed: [idsOf(body)[1]] })),
      { format: 'batch' },
      3,
    )
    expect(run.outcome).toBe('retry')
    expect(run.failed).toEqual([items[1]])
  })

  it.each(['', 'OK', '{}', '[]', 'null', '{"failed":[]}', '{"failed":0}', '{"failed":null}'])(
    'is done with the answer %j',
    async (answer) => {
      const { run } = await runAgainst((response) => response.end(answer), { format: 'batch' }, 2)
      expect(run.outcome).toBe('done')
    },
  )

  it.each([
    ['{"failed":["of-another"]}', /named an id as failed that it was not sent/],
    ['{"failed":2}', /a "failed" that is no list of ids/],
    ['x'.repeat(300_000), /cut off or too long/],
  ])('has all tried again after an answer that makes no sense', async (answer, text) => {
    const { run } = await runAgainst((response) => response.end(answer), { format: 'batch' }, 2)
    expect(run.failed).toHaveLength(2)
    expect(run.error).toMatch(text)
  })

  it('has all tried again when the answer was cut off', async () => {
    const { run } = await runAgainst(
      (response, _request, socket) => {
        response.writeHead(200, { 'content-length': 100 }).write('{')
        setImmediate(() => socket.destroy())
      },
      { format: 'batch' },
      2,
    )
    expect(run.failed).toHaveLength(2)
    expect(run.error).toMatch(/cut off/)
  })
})

describe('forward as Mailtrap sends', () => {
  it('posts the very bytes of the events, signed so that Mailtrap’s SDK verifies', async () => {
    const { url, requests } = await listen()
    const payloads = [
      '{ "event":"open", "event_id":"1" }',
      '{"event":"click","n":1.0,"e":"\\u00e9"}',
    ]
    const options = { format: 'mailtrap', secret: MAILTRAP_SECRET } as const
    expect((await runHandler(forwardTo(url, options), payloads)).outcome).toBe('done')
    const { body, headers } = requests[0]!
    expect(body).toBe(`{"events":[${payloads.join(',')}]}`)
    const signature = String(headers['mailtrap-signature'])
    expect(verifyWebhookSignature(body, signature, MAILTRAP_SECRET)).toBe(true)
    expect(verifyWebhookSignature(`${body} `, signature, MAILTRAP_SECRET)).toBe(false)
  })

  it('needs no more than 2xx of the answer', async () => {
    const options = { format: 'mailtrap', secret: MAILTRAP_SECRET } as const
    const { run } = await runAgainst((response) => response.end('{"failed":["x"]}'), options, 2)
    expect(run.outcome).toBe('done')
  })
})
