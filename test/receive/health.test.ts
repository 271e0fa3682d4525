import { describe, expect, it } from 'vitest'
import { sendRequest } from './send-request.ts'
import { startServer } from './start-server.ts'

describe('GET /healthz', () => {
  it('answers 200 while the process lives, ready or not', async () => {
    const server = await startServer({ readiness: () => ({ ready: false, checks: {} }) })
    const answer = await sendRequest(server.port, { method: 'GET', path: '/healthz' })
    expect(answer).toMatchObject({ status: 200, text: '{"status":"ok"}' })
  })
})

describe('GET /readyz', () => {
  it('answers 200 with its checks', async () => {
    const server = await startServer({
      readiness: () => ({ ready: true, checks: { store: 'ok' } }),
    })
    const answer = await sendRequest(server.port, { method: 'GET', path: '/readyz' })
    expect(answer).toMatchObject({ status: 200, text: '{"ready":true,"checks":{"store":"ok"}}' })
  })

  it('answers 503 as soon as the receiver is not ready', async () => {
    let ready = true
    const server = await startServer({ readiness: () => ({ ready, checks: { stop: 'SIGTERM' } }) })
    expect((await sendRequest(server.port, { method: 'GET', path: '/readyz' })).status).toBe(200)
    ready = false
    const answer = await sendRequest(server.port, { method: 'GET', path: '/readyz' })
    expect(answer).toMatchObject({
      status: 503,
      text: '{"ready":false,"checks":{"stop":"SIGTERM"}}',
    })
  })

  it('tells a failing check nothing but 503', async () => {
    const server = await startServer({
      readiness: () => {
        throw new Error('inner secret')
      },
    })
    const answer = await sendRequest(server.port, { method: 'GET', path: '/readyz' })
    expect(answer).toMatchObject({ status: 503, text: '{"error":"unavailable"}' })
    expect(server.refused).toMatchObject([{ reason: 'internal', detail: 'inner secret' }])
  })
})
