import { connect } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { basic, buildAdmin } from './build-admin.ts'

/** Sends bytes as they are and reads until the other side closes. */
function talk(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
  })
}

describe('the admin listener on a real socket', () => {
  it('says where it listens and serves there', async () => {
    const { listen } = buildAdmin()

    const { url, port } = await listen()
    const answer = await fetch(`${url}/api/stats`)

    expect(url).toBe(`http://127.0.0.1:${port}`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ version: '1.2.3' })
  })

  it('names a wildcard address as a person can open it', async () => {
    const { listen } = buildAdmin({ host: '0.0.0.0', password: 'correct horse' })

    const { url, port } = await listen()

    expect(url).toBe(`http://127.0.0.1:${port}`)
  })

  it('rejects when the port is taken', async () => {
    const first = buildAdmin()
    const { port } = await first.listen()
    const second = buildAdmin({ port })

    await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('asks for the password on a real socket too', async () => {
    const { listen } = buildAdmin({ password: 'pässword: with colon' })
    const { url } = await listen()
    const headers = { authorization: basic('admin', 'pässword: with colon') }

    expect((await fetch(`${url}/api/stats`)).status).toBe(401)
    expect((await fetch(`${url}/api/stats`, { headers })).status).toBe(200)
  })

  it.each([
    ['no Host at all', 'GET /api/stats HTTP/1.1\r\nConnection: close\r\n\r\n', '403 Forbidden'],
    ['HTTP/1.0 without Host', 'GET /api/stats HTTP/1.0\r\n\r\n', '403 Forbidden'],
    [
      'a strange Host',
      'GET /api/stats HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
      '403 Forbidden',
    ],
    [
      'an empty Host',
      'GET /api/stats HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n',
      '403 Forbidden',
    ],
    [
      'a method nobody uses',
      'PURGE /api/stats HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n',
      '405 Method Not Allowed',
    ],
    ['no HTTP', 'hello\r\n\r\n', '400 Bad Request'],
    [
      'two lengths',
      'POST /api/replay HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
      '400 Bad Request',
    ],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      '431 Request Header Fields Too Large',
    ],
  ])('refuses %s, with the protecting headers', async (_name, text, status) => {
    const { listen } = buildAdmin()
    const { port } = await listen()

    const answer = await talk(port, text)

    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status}\r\n`))
    expect(answer).toContain("content-security-policy: default-src 'none'")
    expect(answer).toContain('x-content-type-options: nosniff')
    expect(answer).toContain('cache-control: no-store')
  })

  it('lets whoever asks in, however many connections wait for the rest of a request', async () => {
    const { listen, app } = buildAdmin()
    const { url, port } = await listen()
    const countConnections = promisify(app.server.getConnections.bind(app.server))
    const slow = Array.from({ length: 200 }, () =>
      talk(port, 'GET /api/stats HTTP/1.1\r\nHost: loc'),
    )
    const ends = Promise.allSettled(slow)
    await expect.poll(() => countConnections()).toBe(200)

    for (let time = 0; time < 3; time++) {
      const answer = await fetch(`${url}/api/stats`, { headers: { connection: 'close' } })
      expect(answer.status).toBe(200)
    }

    app.server.closeAllConnections()
    await ends
  })

  it('closes although a client holds its connection, and closes twice', async () => {
    const { listen, close, app } = buildAdmin()
    const { port } = await listen()
    const countConnections = promisify(app.server.getConnections.bind(app.server))
    let answered = 0
    app.server.on('request', (_request, response) => response.once('finish', () => answered++))
    const held = talk(port, 'GET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const halfSent = talk(port, 'GET /api/stats HTTP/1.1\r\nHost: loc').catch(() => 'cut')
    await expect.poll(() => countConnections()).toBe(2)
    await expect.poll(() => answered).toBe(1)

    await close()
    await close()

    expect(await held).toContain('HTTP/1.1 200 OK')
    expect(await halfSent).not.toContain('HTTP/1.1 200 OK')
  })
})
