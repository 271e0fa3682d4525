import { describe, expect, it } from 'vitest'
import { CERTIFICATES } from './certificates.ts'
import { eventually } from './eventually.ts'
import { BODY } from './half-request.ts'
import { openRaw, sendRaw, statusesIn } from './raw-socket.ts'
import { SECRET, signed, source, startServer } from './start-server.ts'

const HEX = BODY.length.toString(16)
const POST = 'POST /webhooks/mailtrap HTTP/1.1'
const LENGTH = `Content-Length: ${BODY.length}`
const CHUNKED = 'Transfer-Encoding: chunked'
const CHUNKS = `${HEX}\r\n${BODY}\r\n0\r\n\r\n`

/** A rightly signed request: whatever is refused is refused for its framing. */
function request(first: string, lines: readonly string[], body: string): string {
  const signature = Object.entries(signed(BODY)).map(([name, value]) => `${name}: ${value}`)
  return [first, 'Host: localhost', ...signature, ...lines, '', body].join('\r\n')
}

describe('framing that can be read in two ways', () => {
  const shapes: [string, string | Buffer][] = [
    ['a length and chunks', request(POST, [LENGTH, CHUNKED], CHUNKS)],
    ['chunks and a length', request(POST, [CHUNKED, LENGTH], CHUNKS)],
    ['the same length twice', request(POST, [LENGTH, LENGTH], BODY)],
    ['two lengths', request(POST, [LENGTH, 'Content-Length: 1'], BODY)],
    ['a list of lengths', request(POST, [`${LENGTH}, ${BODY.length}`], BODY)],
    ['a length with a sign', request(POST, [`Content-Length: +${BODY.length}`], BODY)],
    ['a negative length', request(POST, ['Content-Length: -1'], BODY)],
    ['a length in hex', request(POST, ['Content-Length: 0x14'], BODY)],
    ['a length beyond counting', request(POST, [`Content-Length: ${'9'.repeat(30)}`], BODY)],
    ['a folded header', request(POST, ['X-A: a', ' b', LENGTH], BODY)],
    ['a folded length', request(POST, ['Content-Length:', ` ${BODY.length}`], BODY)],
    ['a folded coding', request(POST, ['Transfer-Encoding:', ' chunked'], CHUNKS)],
    ['a coding before its colon', request(POST, ['Transfer-Encoding : chunked'], CHUNKS)],
    ['a length before its colon', request(POST, [`Content-Length : ${BODY.length}`], BODY)],
    ['an unknown coding', request(POST, ['Transfer-Encoding: xchunked'], CHUNKS)],
    ['identity', request(POST, ['Transfer-Encoding: identity'], BODY)],
    ['chunked not last', request(POST, ['Transfer-Encoding: chunked, identity'], CHUNKS)],
    ['chunked twice', request(POST, [CHUNKED, CHUNKED], CHUNKS)],
    ['a chunk size that is none', request(POST, [CHUNKED], `zz\r\n${BODY}\r\n0\r\n\r\n`)],
    ['a negative chunk size', request(POST, [CHUNKED], `-1\r\n${BODY}\r\n0\r\n\r\n`)],
    ['a chunk longer than its size', request(POST, [CHUNKED], `1\r\n${BODY}\r\n0\r\n\r\n`)],
    ['bare line feeds in chunks', request(POST, [CHUNKED], CHUNKS.replaceAll('\r\n', '\n'))],
    ['a bare line feed', request(POST, [`X-A: a\n${LENGTH}`], BODY)],
    ['only bare line feeds', request(POST, [LENGTH], BODY).replaceAll('\r\n', '\n')],
    ['a bare carriage return', request(POST, [`X-A: a\rX-B: b`, LENGTH], BODY)],
    ['a NUL in a header', request(POST, ['X-A: a\0b', LENGTH], BODY)],
    ['chunks in HTTP/1.0', request(POST.replace('1.1', '1.0'), [CHUNKED], CHUNKS)],
    ['HTTP/0.9', 'GET /webhooks/mailtrap\r\n\r\n'],
    ['HTTP/1.2', request(POST.replace('1.1', '1.2'), [LENGTH], BODY)],
    ['HTTP/2.0 as text', request(POST.replace('1.1', '2.0'), [LENGTH], BODY)],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['no host', request(POST, [LENGTH], BODY).replace('Host: localhost\r\n', '')],
    ['two hosts', request(POST, ['Host: example.com', LENGTH], BODY)],
    ['the same host twice', request(POST, ['Host: localhost', LENGTH], BODY)],
    ['two hosts in HTTP/1.0', request(POST.replace('1.1', '1.0'), ['Host: x', LENGTH], BODY)],
    [
      'a URL of another scheme',
      request(POST.replace('/web', 'ftp://localhost/web'), [LENGTH], BODY),
    ],
    ['a URL without a host', request(POST.replace('/web', 'http:///web'), [LENGTH], BODY)],
    ['a URL with a port alone', request(POST.replace('/web', 'http://:80/web'), [LENGTH], BODY)],
    [
      'a URL with a user',
      request(POST.replace('/web', 'http://u:p@localhost/web'), [LENGTH], BODY),
    ],
    [
      'a URL with a fragment',
      request(POST.replace(' HTTP', '#x HTTP').replace('/web', 'http://x/web'), [LENGTH], BODY),
    ],
    ['a host without a scheme', request(POST.replace('/web', 'localhost/web'), [LENGTH], BODY)],
    [
      'a URL and no host',
      request(POST.replace('/web', 'http://localhost/web'), [LENGTH], BODY).replace(
        'Host: localhost\r\n',
        '',
      ),
    ],
    [
      'a URL and two hosts',
      request(POST.replace('/web', 'http://localhost/web'), ['Host: x', LENGTH], BODY),
    ],
    ['a star as target', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['CONNECT', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a space in the target', request('POST /webhooks/mailtrap x HTTP/1.1', [LENGTH], BODY)],
    ['a method that is none', request('FETCH /webhooks/mailtrap HTTP/1.1', [LENGTH], BODY)],
    ['headers without end', request(POST, [`X-A: ${'a'.repeat(20_000)}`, LENGTH], BODY)],
    ['a TLS hello', Buffer.from('16030100c8010000c403034f', 'hex')],
    ['plain text', 'hello\r\n\r\n'],
  ]

  it.each(shapes)('answers 400, closes and keeps nothing: %s', async (_name, bytes) => {
    const server = await startServer()
    const text = await sendRaw(server.port, bytes)
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(text).toMatch(/\r\nconnection: close\r\n/i)
    expect(text).toMatch(/\r\n\r\n\{"error":"bad_request"\}$/)
    expect(text).not.toContain(SECRET)
    expect(server.batches).toEqual([])
    expect(server.refused).toMatchObject([{ reason: 'malformed', status: 400 }])
  })

  it('goes on serving others afterwards', async () => {
    const server = await startServer()
    await Promise.all(shapes.map(([, bytes]) => sendRaw(server.port, bytes)))
    const text = await sendRaw(server.port, request(POST, [LENGTH, 'Connection: close'], BODY))
    expect(statusesIn(text)).toEqual([200])
    expect(server.batches).toHaveLength(1)
  })
})

describe('what is not HTTP but a load balancer’s setting', () => {
  const v2 = Buffer.from('0d0a0d0a000d0a515549540a2111000c7f0000017f000001a3e60bb8', 'hex')
  const v1 = 'PROXY TCP4 203.0.113.9 127.0.0.1 41958 3000\r\n'

  it.each([
    ['version 1', v1],
    ['version 1 before a request', v1 + request(POST, [LENGTH], BODY)],
    ['version 1 of nobody', 'PROXY UNKNOWN\r\n'],
    ['version 2', v2],
    ['version 2 before a request', Buffer.concat([v2, Buffer.from(request(POST, [LENGTH], BODY))])],
  ])('names the PROXY protocol: %s', async (_name, bytes) => {
    const server = await startServer()
    expect(statusesIn(await sendRaw(server.port, bytes))).toEqual([400])
    expect(server.refused).toMatchObject([{ reason: 'proxy_protocol', source: undefined }])
    expect(server.batches).toEqual([])
  })

  it.each([
    ['the PROXY protocol', v1],
    ['its version 2', v2],
    ['plain HTTP', 'GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('tells that the port of HTTPS is spoken to without TLS: %s', async (_name, bytes) => {
    const server = await startServer({ settings: { tls: CERTIFICATES[0] } })
    expect(await sendRaw(server.port, bytes)).toMatch(/^[^H]*$/)
    await eventually(() => server.refused).toMatchObject([{ reason: 'not_tls' }])
  })
})

describe('framing that is right', () => {
  const close = 'Connection: close'

  it.each([
    ['a length', request(POST, [LENGTH, close], BODY)],
    ['chunks', request(POST, [CHUNKED, close], CHUNKS)],
    ['a chunk a byte', request(POST, [CHUNKED, close], bytewise(BODY))],
    ['chunks with extensions', request(POST, [CHUNKED, close], CHUNKS.replace(HEX, `${HEX};a=b`))],
    [
      'chunks with trailers',
      request(POST, [CHUNKED, close], CHUNKS.replace(/\r\n$/, 'X: y\r\n\r\n')),
    ],
    ['HTTP/1.0, as old proxies speak', request(POST.replace('1.1', '1.0'), [LENGTH], BODY)],
    ['empty lines before it', `\r\n\r\n${request(POST, [LENGTH, close], BODY)}`],
    ['an offer of HTTP/2', request(POST, [LENGTH, 'Upgrade: h2c', close], BODY)],
  ])('answers 200: %s', async (_name, bytes) => {
    const server = await startServer()
    expect(statusesIn(await sendRaw(server.port, bytes))).toEqual([200])
    expect(server.batches).toMatchObject([{ body: Buffer.from(BODY) }])
  })

  it.each([
    'http://localhost:3000',
    'https://hooks.example.com',
    'HTTP://[::1]:80',
    'http://other',
  ])('takes a target in absolute form, whatever host it names: %s', async (origin) => {
    const server = await startServer({ sources: [source({ urlToken: 'token-1234567890' })] })
    const target = `${origin}/webhooks/mailtrap?token=token-1234567890`
    const first = POST.replace('/webhooks/mailtrap', target)
    expect(statusesIn(await sendRaw(server.port, request(first, [LENGTH, close], BODY)))).toEqual([
      200,
    ])
    expect(server.batches).toMatchObject([{ source: 'mailtrap', body: Buffer.from(BODY) }])
  })

  it.each([
    ['GET http://x/healthz', 200],
    ['GET http://x/readyz', 200],
    ['GET http://x/webhooks/mailtrap', 405],
    ['POST http://x/webhooks/none', 404],
    // The host is no part of the path.
    ['POST http://webhooks/mailtrap', 404],
    ['POST //x/webhooks/mailtrap', 404],
    ['POST http://x//webhooks/mailtrap', 404],
    ['POST http://x', 404],
    ['POST http://x?/webhooks/mailtrap', 404],
  ])('routes a target in absolute form by its path alone: %s', async (first, status) => {
    const server = await startServer()
    const bytes = request(`${first} HTTP/1.1`, [close], '')
    expect(statusesIn(await sendRaw(server.port, bytes))).toEqual([status])
  })

  it('asks for a body that waits to be asked for, only once the headers are in order', async () => {
    const server = await startServer()
    const waiting = [LENGTH, 'Expect: 100-continue', close]
    const good = openRaw(server.port)
    good.socket.write(request(POST, waiting, ''))
    await eventually(good.text).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    good.socket.write(BODY)
    await good.closed
    expect(statusesIn(good.text())).toEqual([100, 200])

    const bad = request(POST, waiting, '').replace('mailtrap-signature', 'x-signature')
    expect(statusesIn(await sendRaw(server.port, bad))).toEqual([401])
  })

  it.each([
    ['HTTP/1.0, which knows no such answer', POST.replace('1.1', '1.0'), 'Expect: 100-continue'],
    ['another expectation', POST, 'Expect: foo'],
  ])(
    'asks nobody for a body who does not wait to be asked: %s',
    async (_name, first, expectation) => {
      const server = await startServer()
      const bytes = request(first, [LENGTH, expectation, close], BODY)
      expect(statusesIn(await sendRaw(server.port, bytes))).toEqual([200])
    },
  )

  it('asks in whatever case the expectation is written', async () => {
    const server = await startServer()
    const bytes = request(POST, [LENGTH, 'Expect: 100-Continue', close], BODY)
    expect(statusesIn(await sendRaw(server.port, bytes))).toEqual([100, 200])
  })
})

function bytewise(body: string): string {
  return `${[...body].map((byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`
}
