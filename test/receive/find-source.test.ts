import { describe, expect, it } from 'vitest'
import { BODY } from './half-request.ts'
import { sendRequest, sendSigned } from './send-request.ts'
import { signed, startServer } from './start-server.ts'

describe('unknown sources and methods', () => {
  it.each([
    '/',
    '/webhooks',
    '/webhooks/',
    '/webhooks/mailtrap/',
    '/webhooks//mailtrap',
    '//webhooks/mailtrap',
    '/webhooks/mailtrap/x',
    '/Webhooks/mailtrap',
    '/webhooks/Mailtrap',
    '/webhooks/mail%74rap',
    '/webhooks%2Fmailtrap',
    '/webhooks/mailtrap%00',
    '/webhooks/%zz',
    '/webhooks/%',
    '/webhooks/..',
    '/webhooks/x/../mailtrap',
    '/webhooks/mailtrap;a=b',
    '/webhooks/mailtrap.json',
    '/webhooks/__proto__',
    '/webhooks/constructor',
    '/webhooks/toString',
    '/webhooks/:source',
    '/webhooks/*',
    `/webhooks/${'a'.repeat(8_000)}`,
    '/metrics',
    '/api/stats',
    '/webhooks/other?token=x',
  ])('answers 404 to POST %s', async (path) => {
    const server = await startServer()
    const answer = await sendSigned(server.port, BODY, { path })
    expect(answer).toMatchObject({ status: 404, text: '{"error":"not_found"}' })
    expect(server.refused).toMatchObject([{ source: undefined, reason: 'unknown_source' }])
    expect(server.batches).toEqual([])
  })

  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'])(
    'answers 405 to %s on a known source, 404 on another',
    async (method) => {
      const server = await startServer()
      const known = await sendRequest(server.port, { method, headers: signed(BODY) })
      expect(known.status).toBe(405)
      expect(known.headers.allow).toBe('POST')
      expect(known.text).toBe(method === 'HEAD' ? '' : '{"error":"method_not_allowed"}')
      expect(server.refused).toMatchObject([{ source: 'mailtrap', reason: 'wrong_method' }])
      const unknown = await sendRequest(server.port, { method, path: '/webhooks/other' })
      expect(unknown.status).toBe(404)
      expect(unknown.headers).not.toHaveProperty('allow')
    },
  )

  it('answers 405 to a wrong method with a body of any type', async () => {
    const server = await startServer()
    const headers = { 'content-type': ';;;' }
    const answer = await sendRequest(server.port, { method: 'PUT', headers, body: '{' })
    expect(answer.status).toBe(405)
  })
})
