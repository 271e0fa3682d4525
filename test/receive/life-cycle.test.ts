import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { CERTIFICATES } from './certificates.ts'
import { eventually } from './eventually.ts'
import { BODY } from './half-request.ts'
import { openRaw, statusesIn } from './raw-socket.ts'
import { sendRequest, sendSigned } from './send-request.ts'
import { signed, startServer } from './start-server.ts'

function post(body = BODY): string {
  const headers = { host: 'x', 'content-length': String(body.length), ...signed(BODY) }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST /webhooks/mailtrap HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}

describe('keep-alive', () => {
  it('serves many requests on one connection', async () => {
    const server = await startServer()
    const connection = openRaw(server.port)
    for (let sent = 1; sent <= 20; sent++) {
      connection.socket.write(post())
      await eventually(() => statusesIn(connection.text()).length).toBe(sent)
    }
    expect(server.batches).toHaveLength(20)
    expect(connection.text()).not.toMatch(/connection: close/i)
  })

  it('answers pipelined requests in order', async () => {
    const release: (() => void)[] = []
    const server = await startServer({
      append: () => new Promise((resolve) => release.push(resolve)),
      newBatchId: () => `b-${release.length + 1}`,
    })
    const connection = openRaw(server.port)
    connection.socket.write(post().repeat(3))
    await eventually(() => release.length).toBe(3)
    for (const resolve of release.reverse()) resolve()
    await eventually(() => statusesIn(connection.text())).toEqual([200, 200, 200])
    expect(connection.text().match(/b-\d/g)).toEqual(['b-1', 'b-2', 'b-3'])
  })

  it('ends with a refusal, and answers what came before it', async () => {
    const server = await startServer()
    const connection = openRaw(server.port)
    connection.socket.write(post() + post().replace('mailtrap-signature', 'x-other') + post())
    await connection.closed
    expect(statusesIn(connection.text())).toEqual([200, 401])
  })

  it('is over after so many requests', async () => {
    const server = await startServer({ settings: { limits: { requestsPerConnection: 2 } } })
    const connection = openRaw(server.port)
    connection.socket.write(post())
    await eventually(() => statusesIn(connection.text())).toEqual([200])
    expect(connection.text()).not.toMatch(/connection: close/i)
    connection.socket.write(post())
    await eventually(() => statusesIn(connection.text())).toEqual([200, 200])
    expect(connection.text()).toMatch(/connection: close/i)
    connection.socket.write(post())
    await eventually(() => statusesIn(connection.text())).toEqual([200, 200, 503])
    expect(server.batches).toHaveLength(2)
  })
})

describe('drain', () => {
  it('ends a connection with every answer, and still accepts', async () => {
    const server = await startServer()
    const idle = openRaw(server.port)
    idle.socket.write(post())
    await eventually(() => statusesIn(idle.text())).toEqual([200])
    server.refuseKeepAlive()
    idle.socket.write(post())
    await idle.closed
    expect(statusesIn(idle.text())).toEqual([200, 200])
    expect(idle.text()).toMatch(/connection: close/i)
    for (const path of ['/healthz', '/readyz']) {
      const { headers } = await sendRequest(server.port, { method: 'GET', path })
      expect(headers.connection).toBe('close')
    }
    expect((await sendSigned(server.port, BODY)).status).toBe(200)
  })

  it('lets requests in flight finish', async () => {
    const release: (() => void)[] = []
    const server = await startServer({
      append: () => new Promise((resolve) => release.push(resolve)),
    })
    const waiting = openRaw(server.port)
    waiting.socket.write(post())
    await eventually(() => release.length).toBe(1)
    const half = openRaw(server.port)
    half.socket.write(
      post('').replace('length: 0', `length: ${BODY.length}\r\nexpect: 100-continue`),
    )
    await eventually(half.text).toContain('100 Continue')
    const closed = server.close(60_000)
    half.socket.write(BODY)
    await eventually(() => release.length).toBe(2)
    for (const resolve of release) resolve()
    await Promise.all([waiting.closed, half.closed, closed])
    expect(statusesIn(waiting.text())).toEqual([200])
    expect(statusesIn(half.text())).toEqual([100, 200])
  })

  it('answers a request that had begun to come', async () => {
    const server = await startServer()
    const opened = once(server.app.server, 'connection')
    const connection = openRaw(server.port)
    connection.socket.write(post().slice(0, 20))
    const [socket] = (await opened) as [Socket]
    await eventually(() => socket.bytesRead).toBe(20)
    const closed = server.close(60_000)
    connection.socket.write(post().slice(20))
    await Promise.all([connection.closed, closed])
    expect(statusesIn(connection.text())).toEqual([200])
    expect(connection.text()).toMatch(/connection: close/i)
  })

  it('ends what is left when the grace is over', async () => {
    const server = await startServer({ append: () => new Promise(() => {}) })
    const silent = openRaw(server.port)
    const hanging = openRaw(server.port)
    hanging.socket.write(post())
    await Promise.all([once(silent.socket, 'connect'), once(hanging.socket, 'connect')])
    await server.close(100)
    await Promise.all([silent.closed, hanging.closed])
    expect(server.app.server.listening).toBe(false)
  })

  it('does not wait for idle connections', async () => {
    const server = await startServer()
    const idle = openRaw(server.port)
    idle.socket.write(post())
    await eventually(() => statusesIn(idle.text())).toEqual([200])
    await server.close(60_000)
    await idle.closed
  })

  it('may be asked for twice', async () => {
    const server = await startServer()
    await Promise.all([server.close(0), server.close(0)])
    await server.close(0)
  })
})

describe('listen', () => {
  it('rejects when the port is taken', async () => {
    const { port } = await startServer()
    await expect(startServer({ settings: { port } })).rejects.toThrow('EADDRINUSE')
  })

  it.each([
    ['127.0.0.1', /^http:\/\/127\.0\.0\.1:\d+$/],
    ['0.0.0.0', /^http:\/\/127\.0\.0\.1:\d+$/],
    ['::', /^http:\/\/\[::1\]:\d+$/],
    ['::1', /^http:\/\/\[::1\]:\d+$/],
    ['localhost', /^http:\/\/(127\.0\.0\.1|\[::1\]):\d+$/],
  ])('on %s gives a URL that works', async (host, pattern) => {
    const { url } = await startServer({ settings: { host } })
    expect(url).toMatch(pattern)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })
})

describe('TLS', () => {
  const [first, second] = CERTIFICATES

  async function dial(port: number): Promise<TLSSocket> {
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    return socket
  }

  async function exchange(socket: TLSSocket, bytes: string): Promise<string> {
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.write(bytes)
    await once(socket, 'close')
    return Buffer.concat(chunks).toString()
  }

  it('serves the same, with the same limits', async () => {
    const server = await startServer({ settings: { tls: first } })
    expect(server.url).toMatch(/^https:/)
    expect(server.app.server).toMatchObject({ requestTimeout: 15_000, headersTimeout: 10_000 })
    const closing = post().replace('host: x', 'host: x\r\nconnection: close')
    expect(statusesIn(await exchange(await dial(server.port), closing))).toEqual([200])
    const bad = 'POST /webhooks/mailtrap HTTP/1.1\r\nhost : x\r\n\r\n'
    expect(statusesIn(await exchange(await dial(server.port), bad))).toEqual([400])
    expect(server.batches).toHaveLength(1)
  })

  it('takes another certificate for new connections, and keeps the old one when it is none', async () => {
    const server = await startServer({ settings: { tls: first } })
    const before = await dial(server.port)
    expect(before.getPeerCertificate().subject.CN).toBe('receiver-1.test')
    server.reloadTls(second)
    const after = await dial(server.port)
    expect(after.getPeerCertificate().subject.CN).toBe('receiver-2.test')
    expect(() => server.reloadTls({ cert: second.cert, key: first.key })).toThrow()
    expect(() => server.reloadTls({ cert: Buffer.from('x'), key: first.key })).toThrow()
    const still = await dial(server.port)
    expect(still.getPeerCertificate().subject.CN).toBe('receiver-2.test')
    for (const socket of [before, after, still]) socket.destroy()
  })

  it('answers no plain HTTP, and ends what never shakes hands', async () => {
    const limits = { headersTimeoutMs: 200 }
    const server = await startServer({ settings: { tls: first, limits } })
    const plain = openRaw(server.port)
    plain.socket.write(post())
    const silent = openRaw(server.port)
    await Promise.all([plain.closed, silent.closed])
    expect(statusesIn(plain.text())).not.toContain(200)
    expect(server.batches).toEqual([])
  })

  it('closes in time although a handshake hangs', async () => {
    const server = await startServer({ settings: { tls: first } })
    const silent = openRaw(server.port)
    await once(silent.socket, 'connect')
    await server.close(100)
    await silent.closed
  })

  it('lets silent connections make way', async () => {
    const server = await startServer({ settings: { tls: first, limits: { connections: 3 } } })
    const silent = [openRaw(server.port), openRaw(server.port), openRaw(server.port)]
    await Promise.all(silent.map(({ socket }) => once(socket, 'connect')))
    const closing = post().replace('host: x', 'host: x\r\nconnection: close')
    expect(statusesIn(await exchange(await dial(server.port), closing))).toEqual([200])
    await silent[0]?.closed
  })
})
