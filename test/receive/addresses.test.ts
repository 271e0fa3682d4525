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
      expect(server.refused).toMatchObject([{ source: 'mailtrap', reason: 'address_genuine' }])
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

  it('finds a listener on both families where the host is localhost', async () => {
    const server = await startServer({
      settings: { host: 'localhost', limits: { connections: 5 } },
    })
    for (const host of ['127.0.0.1', '::1']) {
      const answer = await fetch(
        `http://${host.includes(':') ? `[${host}]` : host}:${server.port}/healthz`,
      )
      expect(await answer.json()).toEqual({ status: 'ok' })
    }
    await server.close(0)
    for (const host of ['127.0.0.1', '[::1]']) {
      await expect(fetch(`http://${host}:${server.port}/healthz`)).rejects.toThrow('fetch failed')
    }
  })

  it('is asked before anything that needs a secret', async () => {
    const server = await startServer({
      sources: [source({ allowIps, basicAuth: 'a:b', urlToken: 't' })],
    })
    expect((await sendSigned(server.port, BODY)).status).toBe(403)
  })

  it('says of a genuine request that it was refused for its address alone', async () => {
    let now = 1_768_651_200_000
    const server = await startServer({ sources: [source({ allowIps })], now: () => now })
    const forged = { headers: { 'mailtrap-signature': '0'.repeat(64) } }
    const chunked = { headers: { 'transfer-encoding': 'chunked' } }
    for (const sent of [{}, forged, chunked, { headers: { 'mailtrap-signature': 'x' } }]) {
      now += 1_000
      expect((await sendSigned(server.port, BODY, sent)).status).toBe(403)
    }
    const reasons = server.refused.map(({ reason }) => reason)
    expect(reasons).toEqual(['address_genuine', 'address', 'address_genuine', 'address'])
    expect(server.batches).toEqual([])
  })

  it('looks at the signatures of few who are not on the list, and reads no other body', async () => {
    const server = await startServer({ sources: [source({ allowIps })], now: () => 0 })
    for (let n = 0; n < 5; n += 1) {
      expect((await sendSigned(server.port, BODY)).status).toBe(403)
    }
    const reasons = server.refused.map(({ reason }) => reason)
    expect(reasons).toEqual(['address_genuine', 'address', 'address', 'address', 'address'])
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
