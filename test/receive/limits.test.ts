import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/model.ts'
import { DEFAULT_HTTP_LIMITS } from '../../src/receive/limits.ts'
import { eventually } from './eventually.ts'
import { BODY, chunkedHead, headOf, openAdmitted, openConnected } from './half-request.ts'
import { openRaw, sendRaw, statusesIn } from './raw-socket.ts'
import { sendSigned } from './send-request.ts'
import { startServer } from './start-server.ts'

const MIB = 1024 * 1024

describe('default limits', () => {
  it('bind the server that listens', async () => {
    const { app } = await startServer()
    expect(app.server).toMatchObject({
      requestTimeout: 15_000,
      headersTimeout: 10_000,
      keepAliveTimeout: 650_000,
      maxRequestsPerSocket: 1_000,
      maxConnections: 1_100,
    })
    expect(DEFAULT_HTTP_LIMITS).toMatchObject({
      checkIntervalMs: 2_000,
      answerTimeoutMs: 10_000,
      journalTimeoutMs: 5_000,
      bodiesInFlightBytes: 64 * MIB,
    })
  })
})

describe('slow clients', () => {
  const limits = {
    headersTimeoutMs: 300,
    requestTimeoutMs: 400,
    checkIntervalMs: 50,
    answerTimeoutMs: 300,
    discardTimeoutMs: 50,
  }

  it.each([
    ['silent', ''],
    ['in the first line', 'POST /web'],
    ['in the headers', 'POST /webhooks/mailtrap HTTP/1.1\r\nHost: x\r\nX-A: '],
    ['in the body', `${headOf(BODY.length)}{"ev`],
    ['in a chunk', chunkedHead()],
  ])('are answered 408 and closed: %s', async (_name, bytes) => {
    const server = await startServer({ settings: { limits } })
    const text = await sendRaw(server.port, bytes)
    expect(text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
    expect(text).toMatch(/\r\nconnection: close\r\n/i)
    expect(text).toMatch(/\r\n\r\n\{"error":"too_slow"\}$/)
    expect(server.refused).toMatchObject([{ reason: 'too_slow', status: 408 }])
    expect(server.batches).toEqual([])
  })

  it('are answered 408 when they drip', async () => {
    const server = await startServer({ settings: { limits } })
    const connection = openRaw(server.port)
    connection.socket.write(headOf(100_000))
    const drip = setInterval(() => connection.socket.write('x'), 20)
    await connection.closed
    clearInterval(drip)
    expect(statusesIn(connection.text())).toEqual([408])
  })

  it('hold up nobody else', async () => {
    const server = await startServer()
    const slow = Array.from({ length: 200 }, () => openRaw(server.port))
    for (const connection of slow) connection.socket.write(`${headOf(1_000)}x`)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => sendSigned(server.port, BODY)),
    )
    expect(answers.every((answer) => answer.status === 200)).toBe(true)
  })
})

describe('clients that leave', () => {
  it.each([
    ['in the headers', 'POST /webhooks/mailtrap HTTP/1.1\r\nHost'],
    ['in mid-body', `${headOf(BODY.length)}${BODY.slice(0, -1)}`],
    ['in a chunk', chunkedHead()],
  ])('leave nothing behind: %s', async (_name, bytes) => {
    const server = await startServer()
    for (const leave of ['end', 'resetAndDestroy'] as const) {
      const connection = await openConnected(server.port)
      connection.socket.write(bytes)
      connection.socket[leave]()
      await connection.closed
    }
    expect((await sendSigned(server.port, BODY)).status).toBe(200)
    expect(server.batches).toHaveLength(1)
  })

  it.each(['end', 'resetAndDestroy'] as const)(
    'are told of once when the body had begun: %s',
    async (leave) => {
      const server = await startServer()
      const connection = await openAdmitted(server.port, BODY.length)
      connection.socket.write('{')
      connection.socket[leave]()
      await eventually(() => server.refused.length).toBe(1)
      expect(server.refused).toMatchObject([{ reason: 'aborted', source: 'mailtrap' }])
    },
  )

  it('after the body: the batch is kept all the same', async () => {
    let release = () => {}
    const kept: Batch[] = []
    const server = await startServer({
      append: (batch) =>
        new Promise((resolve) => {
          kept.push(batch)
          release = resolve
        }),
    })
    const connection = await openConnected(server.port)
    connection.socket.write(headOf(BODY.length) + BODY)
    await eventually(() => kept.length).toBe(1)
    connection.socket.resetAndDestroy()
    await connection.closed
    release()
    await eventually(() => server.received.length).toBe(1)
  })
})
