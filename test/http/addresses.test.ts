import { describe, expect, it } from 'vitest'
import { BODY } from './half-request.ts'
import { sendSigned } from './send-request.ts'
import { source, startServer } from './start-server.ts'

const allowIps = ['45.158.83.0/24', '2001:db8::/32']

describe('the allow-list', () => {
  const none: readonly string[] = []
  const loopback = ['127.0.0.0/8']
  const chain = ['127.0.0.0/8', '10.0.0.0/8', 'fd00::/8']

  it.each([
    // Without a trusted proxy the socket's address counts, whatever the client says.
    [none, undefined, 403],
    [none, '45.158.83.129', 403],
    // Behind one, the last address that no trusted proxy vouches for.
    [loopback, undefined, 403],
    [loopback, '45.158.83.129', 200],
    [loopback, '::ffff:45.158.83.129', 200],
    [loopback, '45.158.83.129:50123', 200],
    [loopback, '2001:db8::7', 200],
    [loopback, '[2001:db8::7]:443', 200],
    [loopback, '45.158.84.1', 403],
    [loopback, '2001:db9::7', 403],
    [loopback, 'unknown', 403],
    [loopback, '', 403],
    [loopback, '45.158.83.129, 203.0.113.9', 403],
    [loopback, '203.0.113.9, 45.158.83.129', 200],
    [loopback, '45.158.83.129, 10.1.2.3', 403],
    [chain, '45.158.83.129, 10.1.2.3', 200],
    [chain, '45.158.83.129, fd00::1, 10.1.2.3', 200],
    [chain, '45.158.83.129, 203.0.113.9, 10.1.2.3', 403],
    [chain, '45.158.83.129, nonsense, 10.1.2.3', 403],
  ])('trusting %j, X-Forwarded-For %s: %i', async (trustProxy, forwarded, status) => {
    const server = await startServer({ sources: [source({ allowIps })], settings: { trustProxy } })
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
    const answer = await sendSigned(server.port, BODY, { headers })
    expect(answer.status).toBe(status)
    if (status === 403) {
      expect(answer.text).toBe('{"error":"forbidden"}')
      expect(server.refused).toMatchObject([{ source: 'mailtrap', reason: 'address' }])
    }
    expect(server.batches).toHaveLength(status === 200 ? 1 : 0)
  })

  it('lets the socket’s own address in, mapped or not', async () => {
    const sources = [source({ allowIps: ['127.0.0.1/32'] })]
    for (const host of ['127.0.0.1', '::']) {
      const server = await startServer({ sources, settings: { host } })
      expect((await sendSigned(server.port, BODY)).status).toBe(200)
    }
  })

  it('is asked before anything that needs a secret', async () => {
    const server = await startServer({
      sources: [source({ allowIps, basicAuth: 'a:b', urlToken: 't' })],
    })
    expect((await sendSigned(server.port, BODY)).status).toBe(403)
  })

  it('reads no Forwarded, X-Real-IP or X-Client-IP', async () => {
    const server = await startServer({
      sources: [source({ allowIps })],
      settings: { trustProxy: loopback },
    })
    const headers = {
      forwarded: 'for=45.158.83.129',
      'x-real-ip': '45.158.83.129',
      'x-client-ip': '45.158.83.129',
    }
    expect((await sendSigned(server.port, BODY, { headers })).status).toBe(403)
  })
})
