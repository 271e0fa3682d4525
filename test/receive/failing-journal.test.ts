import { describe, expect, it } from 'vitest'
import { BODY } from './half-request.ts'
import { type Answer, sendSigned } from './send-request.ts'
import { startServer } from './start-server.ts'

const never = () => new Promise<void>(() => {})

describe('a journal that does not keep', () => {
  const limits = { journalTimeoutMs: 100 }

  function expectUnavailable(answer: Answer) {
    expect(answer).toMatchObject({ status: 503, text: '{"error":"unavailable"}' })
    expect(answer.headers['retry-after']).toMatch(/^\d+$/)
  }

  it('rejects: 503 until it recovers', async () => {
    let isBroken = true
    const server = await startServer({
      append: async () => {
        if (isBroken) throw new Error('disk full')
      },
    })
    expectUnavailable(await sendSigned(server.port, BODY))
    expect(server.refused).toMatchObject([{ source: 'mailtrap', reason: 'store', status: 503 }])
    expect(server.received).toEqual([])
    isBroken = false
    expect((await sendSigned(server.port, BODY)).status).toBe(200)
  })

  it('throws: 503', async () => {
    const server = await startServer({
      append: () => {
        throw new Error('closed')
      },
    })
    expectUnavailable(await sendSigned(server.port, BODY))
  })

  it('hangs: 503 in time, and 200 again once it recovers', async () => {
    let append = never
    const server = await startServer({ append: () => append(), settings: { limits } })
    expectUnavailable(await sendSigned(server.port, BODY))
    append = async () => {}
    expect((await sendSigned(server.port, BODY)).status).toBe(200)
  })

  it('is late: its word after the 503 changes nothing', async () => {
    let fail = (_error: Error) => {}
    const late = new Promise<void>((_resolve, reject) => {
      fail = reject
    })
    const server = await startServer({ append: () => late, settings: { limits } })
    expectUnavailable(await sendSigned(server.port, BODY))
    fail(new Error('too late'))
    await expect(late).rejects.toThrow('too late')
    expect(server.received).toEqual([])
    expect(server.refused).toHaveLength(1)
  })

  it('has only what is left of the time for an answer', async () => {
    const server = await startServer({
      append: never,
      settings: { limits: { answerTimeoutMs: 200, journalTimeoutMs: 60_000 } },
    })
    expectUnavailable(await sendSigned(server.port, BODY))
    expect(server.refused).toMatchObject([{ reason: 'store' }])
  })
})
