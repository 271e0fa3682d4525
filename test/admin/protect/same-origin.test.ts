import { describe, expect, it } from 'vitest'
import { basic, buildAdmin } from '../build-admin.ts'

const OWN = { host: 'localhost:3001' }

describe('POST /api/replay against requests of other sites', () => {
  it.each([
    ['an API client', {}, 200],
    ['our own page', { origin: 'http://localhost:3001', 'sec-fetch-site': 'same-origin' }, 200],
    ['our own page, old browser', { origin: 'http://localhost:3001' }, 200],
    ['our own page, TLS in front', { origin: 'https://localhost:3001' }, 200],
    ['the address bar', { 'sec-fetch-site': 'none' }, 200],
    ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 403],
    ['another site, old browser', { origin: 'https://evil.example' }, 403],
    ['another site that hides', { origin: 'null' }, 403],
    ['a file', { origin: 'file://' }, 403],
    ['an empty origin', { origin: '' }, 403],
    ['another port', { origin: 'http://localhost:3000' }, 403],
    ['another port, said by the browser', { 'sec-fetch-site': 'same-site' }, 403],
    ['a name that begins alike', { origin: 'http://localhost:3001.evil.example' }, 403],
    ['our name as user', { origin: 'http://localhost:3001@evil.example' }, 403],
    [
      'contradicting headers',
      { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
      403,
    ],
    ['an unknown relation', { 'sec-fetch-site': 'friend' }, 403],
  ])('answers to %s', async (_name, headers: Record<string, string>, status) => {
    const { app, archive } = buildAdmin()

    const answer = await app.inject({
      method: 'POST',
      url: '/api/replay',
      headers: { ...OWN, ...headers },
      payload: { state: 'dead' },
    })

    expect(answer.statusCode).toBe(status)
    expect(archive.calls.length > 0).toBe(status === 200)
    if (status === 403) expect(answer.json().error).toBe('cross_origin')
  })

  it.each([
    ['application/json', 200],
    ['application/json; charset=utf-8', 200],
    ['Application/JSON', 200],
    ['text/plain', 415],
    ['text/plain; application/json', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/jsonx', 415],
    [undefined, 415],
  ])('takes the content type %s with %s', async (type, status) => {
    const { app, archive } = buildAdmin()

    const answer = await app.inject({
      method: 'POST',
      url: '/api/replay',
      headers: type === undefined ? {} : { 'content-type': type },
      body: Buffer.from('{"state":"dead"}'),
    })

    expect(answer.statusCode).toBe(status)
    expect(archive.calls.length > 0).toBe(status === 200)
  })

  it.each([
    ['an API client', {}, 200],
    ['an API client that says so', { 'content-length': '0' }, 200],
    ['our own page', { origin: 'http://localhost:3001', 'sec-fetch-site': 'same-origin' }, 200],
    ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 403],
    ['another site, old browser', { origin: 'https://evil.example' }, 403],
    ['another site that hides', { origin: 'null' }, 403],
    ['an empty form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['a body of unknown length', { 'transfer-encoding': 'chunked' }, 415],
  ])('answers to a change without a body by %s', async (_name, given, status) => {
    const { app, archive } = buildAdmin()
    archive.handlers.set('crm', undefined)
    const headers = { ...OWN, ...(given as Record<string, string>) }

    const answer = await app.inject({ method: 'POST', url: '/api/handlers/crm/pause', headers })

    expect(answer.statusCode).toBe(status)
    expect(archive.calls.length > 0).toBe(status === 200)
  })

  it('holds although the browser adds the password', async () => {
    const { app, archive } = buildAdmin({ password: 'correct horse' })

    const answer = await app.inject({
      method: 'POST',
      url: '/api/replay',
      headers: {
        authorization: basic('admin', 'correct horse'),
        host: 'admin.example.com',
        origin: 'https://evil.example',
      },
      payload: { state: 'dead' },
    })

    expect(answer.statusCode).toBe(403)
    expect(archive.calls).toEqual([])
  })

  it.each([
    ['admin.example.com:443', 'https://admin.example.com', 200],
    ['admin.example.com', 'https://admin.example.com:443', 200],
    ['admin.example.com:80', 'http://admin.example.com', 200],
    ['admin.example.com:443', 'http://admin.example.com', 403],
    ['admin.example.com:8443', 'https://admin.example.com', 403],
    ['evil.example:443', 'https://admin.example.com', 403],
  ])(
    'takes the port of a scheme for said: Host %s, Origin %s: %i',
    async (host, origin, status) => {
      const { app } = buildAdmin({ password: 'secret' })

      const answer = await app.inject({
        method: 'POST',
        url: '/api/replay',
        headers: { authorization: basic('admin', 'secret'), host, origin },
        payload: { state: 'dead' },
      })

      expect(answer.statusCode).toBe(status)
    },
  )

  it('compares with the Host header alone, whatever a trusted proxy says of it', async () => {
    const { app, archive } = buildAdmin({ password: 'secret', trustProxy: ['127.0.0.1/32'] })

    const answer = await app.inject({
      method: 'POST',
      url: '/api/replay',
      headers: {
        authorization: basic('admin', 'secret'),
        host: 'admin.example.com',
        'x-forwarded-host': 'evil.example',
        origin: 'https://evil.example',
      },
      payload: { state: 'dead' },
    })

    expect(answer.statusCode).toBe(403)
    expect(archive.calls).toEqual([])
  })

  it('lets other sites link to the page, which changes nothing', async () => {
    const { app } = buildAdmin()

    const answer = await app.inject({ url: '/', headers: { 'sec-fetch-site': 'cross-site' } })

    expect(answer.statusCode).toBe(200)
    expect(answer.headers['cross-origin-resource-policy']).toBe('same-origin')
  })
})
