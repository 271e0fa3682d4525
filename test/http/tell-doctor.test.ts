import { describe, expect, it } from 'vitest'
import { DOCTOR_ANSWER, DOCTOR_QUESTION } from '../../src/http/tell-doctor.ts'
import { sendRequest, sendSigned } from './send-request.ts'
import { startServer } from './start-server.ts'

const ASKING = { [DOCTOR_QUESTION]: 'saw', 'x-forwarded-for': '192.0.2.1, 203.0.113.9' }

describe('the doctor’s question', () => {
  it('is answered with what was seen of an authentic request', async () => {
    const { port } = await startServer({
      now: () => 1_000,
      settings: { trustProxy: ['127.0.0.1'] },
    })
    const { status, text, headers } = await sendSigned(port, '{}', { headers: ASKING })
    expect([status, JSON.parse(text).status]).toEqual([200, 'received'])
    expect(JSON.parse(decodeURIComponent(String(headers[DOCTOR_ANSWER])))).toEqual({
      at: '1970-01-01T00:00:01.000Z',
      peer: '127.0.0.1',
      client: '203.0.113.9',
      forwardedFor: '192.0.2.1, 203.0.113.9',
      isProxyTrusted: true,
    })
  })

  it('is not answered to strangers, and nobody is told who did not ask', async () => {
    const { port } = await startServer()
    const stranger = await sendRequest(port, { headers: ASKING, body: '{}' })
    expect(stranger.status).toBe(401)
    expect(stranger.headers).not.toHaveProperty(DOCTOR_ANSWER)
    expect((await sendSigned(port, '{}')).headers).not.toHaveProperty(DOCTOR_ANSWER)
  })

  it('survives a header that is long or odd', async () => {
    const { port } = await startServer()
    const odd = `\u00fc"\\,${'x'.repeat(1_000)}`
    const headers = { ...ASKING, 'x-forwarded-for': odd }
    const answer = await sendSigned(port, '{}', { headers })
    expect(answer.status).toBe(200)
    const seen = JSON.parse(decodeURIComponent(String(answer.headers[DOCTOR_ANSWER])))
    expect(seen.forwardedFor).toHaveLength(300)
  })
})
