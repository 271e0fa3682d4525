import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { PROVIDERS } from '../../src/providers/providers.ts'
import { BODY } from './half-request.ts'
import { sendRequest, sendSigned } from './send-request.ts'
import { SECRET, signed, source, startServer } from './start-server.ts'

const WRONG = '0'.repeat(64)

describe('POST /webhooks/:source, authentic', () => {
  it('answers 200 with the batch it kept', async () => {
    const server = await startServer({ now: () => 1_768_651_200_000, newBatchId: () => 'b-1' })
    const answer = await sendSigned(server.port, BODY, {
      headers: { 'content-type': 'application/json' },
    })
    expect(answer).toMatchObject({ status: 200, text: '{"status":"received","batch":"b-1"}' })
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(server.batches).toEqual([
      {
        id: 'b-1',
        source: 'mailtrap',
        provider: 'mailtrap',
        receivedAt: 1_768_651_200_000,
        contentType: 'application/json',
        sha256: createHash('sha256').update(BODY).digest('hex'),
        body: Buffer.from(BODY),
      },
    ])
    expect(server.refused).toEqual([])
    expect(server.received).toEqual([
      {
        batch: 'b-1',
        source: 'mailtrap',
        bytes: BODY.length,
        ackMs: expect.any(Number),
        secretPosition: 0,
      },
    ])
  })

  it('tells which secret of a rotation matched', async () => {
    const server = await startServer({ sources: [source({ secrets: ['newer-secret', SECRET] })] })
    expect((await sendSigned(server.port, BODY)).status).toBe(200)
    expect(server.received).toMatchObject([{ secretPosition: 1 }])
  })

  it.each([
    ['malformed', '{"events":['],
    ['no events', '{"events":[]}'],
    ['unknown', '{"event":"never heard of"}'],
    ['one byte', ' '],
    ['a line break', '\n'],
  ])('answers 200 whatever the content: %s', async (_name, body) => {
    const server = await startServer()
    expect((await sendSigned(server.port, body)).status).toBe(200)
    expect(server.batches).toMatchObject([{ body: Buffer.from(body) }])
  })

  it('keeps bytes that are no text as they came', async () => {
    const server = await startServer()
    const body = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
    expect((await sendSigned(server.port, body)).status).toBe(200)
    expect(server.batches[0]?.body).toEqual(body)
  })

  it('keeps the same batch twice: deduplication is not its business', async () => {
    const server = await startServer()
    await sendSigned(server.port, BODY)
    await sendSigned(server.port, BODY)
    expect(server.batches).toHaveLength(2)
  })

  it('takes 500 events in 1.6 MB, with a length and in chunks', async () => {
    const server = await startServer()
    const event = { event: 'delivery', custom_variables: { text: 'x'.repeat(3_150) } }
    const body = JSON.stringify({
      events: Array.from({ length: 500 }, (_, index) => ({ ...event, event_id: `e${index}` })),
    })
    expect(body.length).toBeGreaterThan(1_600_000)
    const chunked = { headers: { 'transfer-encoding': 'chunked' } }
    expect((await sendSigned(server.port, body)).status).toBe(200)
    expect((await sendSigned(server.port, body, chunked)).status).toBe(200)
    expect(server.batches.map((batch) => batch.body.length)).toEqual([body.length, body.length])
  })

  it.each([
    undefined,
    '',
    ' ',
    'application/json',
    'application/jsonl',
    'application/x-www-form-urlencoded',
    'text/plain',
    'multipart/form-data',
    'application/json; charset=utf-16',
    'nonsense',
    ';;;',
    'a/b/c',
    '*/*',
    'x'.repeat(5_000),
  ])('never answers 415: content type %s', async (contentType) => {
    const server = await startServer()
    const headers = contentType === undefined ? {} : { 'content-type': contentType }
    expect((await sendSigned(server.port, BODY, { headers })).status).toBe(200)
    expect(server.batches[0]?.contentType).toBe(contentType?.trim())
  })

  it('inflates nothing: the signature is over the bytes on the wire', async () => {
    const server = await startServer()
    const body = Buffer.from('1f8b08000000000000030300000000000000', 'hex')
    const headers = { 'content-encoding': 'gzip' }
    expect((await sendSigned(server.port, body, { headers })).status).toBe(200)
    expect(server.batches[0]?.body).toEqual(body)
  })

  it('finds the source of a reload with the next request', async () => {
    const server = await startServer()
    server.setSources([source({ secrets: ['another-secret'] }), source({ name: 'second' })])
    expect((await sendSigned(server.port, BODY)).status).toBe(401)
    expect((await sendSigned(server.port, BODY, { path: '/webhooks/second' })).status).toBe(200)
  })
})

describe('POST /webhooks/:source, not authentic', () => {
  const basicAuth = 'team:password'
  const guarded = source({ basicAuth, urlToken: 'token' })
  const authorization = `Basic ${Buffer.from(basicAuth).toString('base64')}`
  const tokenPath = '/webhooks/mailtrap?token=token'

  it('answers 200 when basic auth, token and signature are right', async () => {
    const server = await startServer({ sources: [guarded] })
    const answer = await sendSigned(server.port, BODY, {
      path: tokenPath,
      headers: { authorization },
    })
    expect(answer.status).toBe(200)
  })

  it.each(['a+b/c=', 'a%2Bb%2Fc%3D'])(
    'answers 200 to the token a+b/c= sent as %s',
    async (sent) => {
      const server = await startServer({ sources: [source({ urlToken: 'a+b/c=' })] })
      const path = `/webhooks/mailtrap?token=${sent}`
      expect((await sendSigned(server.port, BODY, { path })).status).toBe(200)
    },
  )

  it.each([
    ['basic_auth', { path: tokenPath, headers: {} }],
    ['basic_auth', { path: tokenPath, headers: { authorization: 'Basic eDp5' } }],
    ['token', { path: '/webhooks/mailtrap', headers: { authorization } }],
    ['token', { path: '/webhooks/mailtrap?token=wrong', headers: { authorization } }],
    ['token', { path: `${tokenPath}&token=token`, headers: { authorization } }],
    ['token', { path: '/webhooks/mailtrap?token[]=token', headers: { authorization } }],
    [
      'signature_shape',
      { path: tokenPath, headers: { authorization, 'mailtrap-signature': 'x'.repeat(64) } },
    ],
    ['signature', { path: tokenPath, headers: { authorization, 'mailtrap-signature': WRONG } }],
  ])('answers 401 alike and stores nothing: %s', async (reason, sent) => {
    const server = await startServer({ sources: [guarded] })
    const answer = await sendSigned(server.port, BODY, sent)
    expect(answer).toMatchObject({ status: 401, text: '{"error":"unauthorized"}' })
    expect(answer.headers).not.toHaveProperty('www-authenticate')
    expect(server.refused).toEqual([
      { source: 'mailtrap', reason, status: 401, address: '127.0.0.1' },
    ])
    expect(server.batches).toEqual([])
  })

  it.each([
    ['signature_time', 301, 1],
    ['signature_time', -301, 1],
    ['signature_milliseconds', 0, 1_000],
    ['signature_milliseconds', 86_400, 1_000],
  ])(
    'says of MailingAPI’s genuine signature what its time is: %s, %i s',
    async (reason, seconds, factor) => {
      const now = 1_768_651_200_000
      const mailingapi = source({ name: 'mailingapi', provider: 'mailingapi' })
      const server = await startServer({ sources: [mailingapi], now: () => now })
      const signedAt = (now / 1_000 + seconds) * factor
      const headersBy = (secret: string) =>
        PROVIDERS.mailingapi.sign(
          Buffer.from(BODY),
          { ...mailingapi, secrets: [secret] },
          signedAt * 1_000,
        )
      const sent = { path: '/webhooks/mailingapi', body: BODY }
      for (const secret of [SECRET, 'another-secret']) {
        const answer = await sendRequest(server.port, { ...sent, headers: headersBy(secret) })
        expect(answer).toMatchObject({ status: 401, text: '{"error":"unauthorized"}' })
      }
      const about = { source: 'mailingapi', status: 401, address: '127.0.0.1' }
      expect(server.refused).toEqual([
        { ...about, reason, aheadSeconds: seconds },
        { ...about, reason: 'signature' },
      ])
      expect(server.batches).toEqual([])
    },
  )

  it('answers 401 without a signature', async () => {
    const server = await startServer()
    const answer = await sendRequest(server.port, { body: BODY })
    expect(answer).toMatchObject({ status: 401, text: '{"error":"unauthorized"}' })
    expect(server.refused).toMatchObject([{ reason: 'signature_shape' }])
  })

  it('answers 401 and stores nothing when any one byte changed', async () => {
    const server = await startServer()
    const headers = signed(BODY)
    for (const position of [0, BODY.length >> 1, BODY.length - 1]) {
      const body = Buffer.from(BODY)
      body.writeUInt8((body[position] ?? 0) ^ 1, position)
      expect((await sendRequest(server.port, { body, headers })).status).toBe(401)
    }
    expect(server.batches).toEqual([])
  })

  it.each([
    ['no body', {}],
    ['a length of zero', { 'content-length': '0' }],
    ['an empty chunked one', { 'transfer-encoding': 'chunked' }],
  ])('answers 401 to an empty body with the right digest: %s', async (_name, headers) => {
    const server = await startServer()
    const answer = await sendSigned(server.port, '', { headers })
    expect(answer).toMatchObject({ status: 401, text: '{"error":"unauthorized"}' })
    expect(server.refused).toMatchObject([{ reason: 'empty_body' }])
    expect(server.batches).toEqual([])
  })
})
