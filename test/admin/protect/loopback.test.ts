import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../../on-test-finished.ts'
import { buildAdmin } from '../build-admin.ts'

describe('without a password', () => {
  it.each([
    ['localhost', 200],
    ['localhost:3001', 200],
    ['LOCALHOST:3001', 200],
    ['127.0.0.1', 200],
    ['127.0.0.1:3001', 200],
    ['127.9.8.7:80', 200],
    ['[::1]', 200],
    ['[::1]:3001', 200],
    ['[0:0:0:0:0:0:0:1]:3001', 200],
    ['evil.example', 403],
    ['evil.example:3001', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['evil-localhost', 403],
    ['localhost@evil.example', 403],
    ['evil.example#localhost', 403],
    ['localhost evil.example', 403],
    ['localhost, evil.example', 403],
    ['192.168.1.10:3001', 403],
    ['0.0.0.0:3001', 403],
    ['[::]:3001', 403],
    ['[2001:db8::1]:3001', 403],
    ['::1', 403],
    ['127.1', 403],
    ['2130706433', 403],
    ['0x7f.0.0.1', 403],
    ['localhost:', 403],
  ])('answers to the Host "%s" with %i', async (host, status) => {
    const { app, archive } = buildAdmin()

    const answer = await app.inject({ url: '/api/stats', headers: { host } })

    expect(answer.statusCode).toBe(status)
    if (status === 403) {
      expect(answer.json().message).toContain('ADMIN_PASSWORD')
      expect(archive.calls).toEqual([])
    }
  })

  it.each([
    ['127.0.0.1', 200],
    ['127.0.0.2', 200],
    ['::1', 200],
    ['::ffff:127.0.0.1', 200],
    ['192.168.1.10', 403],
    ['::ffff:192.168.1.10', 403],
    ['203.0.113.7', 403],
    ['2001:db8::1', 403],
    ['fe80::1', 403],
  ])('answers to the peer %s with %i', async (remoteAddress, status) => {
    const { app } = buildAdmin()

    const answer = await app.inject({ url: '/api/stats', remoteAddress })

    expect(answer.statusCode).toBe(status)
  })

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['203.0.113.7', '127.0.0.1'],
  ])('serves no peer %s that forwards for %s, trusted or not', async (remoteAddress, value) => {
    const { app } = buildAdmin({ trustProxy: ['127.0.0.1/32', '203.0.113.7/32'] })
    const headers = { 'x-forwarded-for': value }

    const answer = await app.inject({ url: '/api/stats', remoteAddress, headers })

    expect(answer.statusCode).toBe(403)
  })

  it.each([
    ['x-forwarded-for', '127.0.0.1'],
    ['x-forwarded-for', '203.0.113.7'],
    ['forwarded', 'for=203.0.113.7'],
    ['x-real-ip', '203.0.113.7'],
    ['x-forwarded-host', 'admin.example.com'],
    ['x-forwarded-proto', 'https'],
    ['via', '1.1 proxy'],
  ])('serves nobody through a proxy: %s: %s', async (name, value) => {
    const { app } = buildAdmin()

    const answer = await app.inject({ url: '/', headers: { [name]: value } })

    expect(answer.statusCode).toBe(403)
  })

  it('serves nobody through a proxy that tells nothing of it, as nginx does by default', async () => {
    const { app } = buildAdmin()
    onTestFinished(() => app.close())
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET /api/stats HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`)

    expect(await text(socket)).toMatch(/^HTTP\/1\.1 403 /)
  })

  it('refuses pages, unknown addresses and changes alike', async () => {
    const { app, archive } = buildAdmin()
    const headers = { host: 'evil.example', 'content-type': 'application/json' }

    const answers = await Promise.all([
      app.inject({ url: '/', headers }),
      app.inject({ url: '/nowhere', headers }),
      app.inject({ method: 'POST', url: '/api/replay', headers, payload: { state: 'dead' } }),
    ])

    expect(answers.map((answer) => answer.statusCode)).toEqual([403, 403, 403])
    expect(archive.calls).toEqual([])
  })
})
