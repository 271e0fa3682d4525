import { describe, expect, it } from 'vitest'
import { BODY } from './half-request.ts'
import { sendRequest, sendSigned } from './send-request.ts'
import { signed, source, startServer } from './start-server.ts'

describe('what an answer tells', () => {
  it('names neither server nor version, and no path, stack or check', async () => {
    const server = await startServer({
      append: async () => {
        throw new Error('/var/lib/secret.db is broken')
      },
    })
    const answers = [
      await sendSigned(server.port, BODY),
      await sendRequest(server.port, { body: BODY }),
      await sendRequest(server.port, { path: '/nothing/here?token=t' }),
      await sendRequest(server.port, { method: 'GET' }),
    ]
    expect(answers.map((answer) => answer.status)).toEqual([503, 401, 404, 405])
    for (const { headers, text } of answers) {
      expect(text).toMatch(/^\{"error":"[a-z_]+"\}$/)
      const names = ['connection', 'content-length', 'content-type', 'date']
      const named = Object.keys(headers).filter((name) => !names.includes(name))
      expect(named.every((name) => ['allow', 'retry-after'].includes(name))).toBe(true)
    }
  })

  it('is the same through inject', async () => {
    const { app } = await startServer()
    const request = { method: 'POST', url: '/webhooks/mailtrap' } as const
    const good = await app.inject({ ...request, headers: signed(BODY), payload: BODY })
    expect(good.statusCode).toBe(200)
    expect(good.json()).toMatchObject({ status: 'received' })
    const bad = await app.inject({ ...request, payload: BODY })
    expect(bad.statusCode).toBe(401)
    expect(bad.json()).toEqual({ error: 'unauthorized' })
    // What is injected never closes: its time would run out while other tests run.
    for (const { raw } of [good, bad]) raw.req.emit('close')
  })

  it('hides a failure of ours behind 503 and shows it to the operator', async () => {
    const server = await startServer({
      newBatchId: () => {
        throw new Error('no more ids')
      },
    })
    const answer = await sendSigned(server.port, BODY)
    expect(answer).toMatchObject({ status: 503, text: '{"error":"unavailable"}' })
    expect(server.refused).toMatchObject([{ reason: 'internal', detail: 'no more ids' }])
  })

  it('fails closed when a source cannot be understood', async () => {
    const server = await startServer({ sources: [source({ allowIps: ['not a block'] })] })
    expect((await sendSigned(server.port, BODY)).status).toBe(503)
    expect(server.refused).toMatchObject([{ source: 'mailtrap', reason: 'internal' }])
    expect(server.batches).toEqual([])
  })
})
