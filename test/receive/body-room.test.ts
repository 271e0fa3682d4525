import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/model.ts'
import { eventually } from './eventually.ts'
import { BODY, chunkedHead, headOf, openAdmitted, openConnected } from './half-request.ts'
import { sendRaw, statusesIn } from './raw-socket.ts'
import { sendRequest, sendSigned } from './send-request.ts'
import { signed, startServer, type TestServer } from './start-server.ts'

const never = () => new Promise<void>(() => {})

describe('memory for bodies in flight', () => {
  const body = Buffer.alloc(100_000, 'x')
  const limits = { bodiesInFlightBytes: 250_000 }

  async function fill(server: TestServer, kept: Batch[], count: number) {
    const answers = Array.from({ length: count }, () => sendSigned(server.port, body))
    await eventually(() => kept.length).toBe(count)
    return answers
  }

  it('answers 503 when it is full, and 200 again when the journal has caught up', async () => {
    const kept: Batch[] = []
    const release: (() => void)[] = []
    const server = await startServer({
      append: (batch) => {
        kept.push(batch)
        return new Promise((resolve) => release.push(resolve))
      },
      settings: { limits },
    })
    const first = await fill(server, kept, 2)
    const refused = await sendSigned(server.port, body)
    expect(refused).toMatchObject({ status: 503, text: '{"error":"unavailable"}' })
    expect(refused.headers['retry-after']).toMatch(/^\d+$/)
    expect(server.refused).toMatchObject([{ reason: 'overloaded', status: 503 }])
    for (const resolve of release) resolve()
    for (const answer of await Promise.all(first)) expect(answer.status).toBe(200)
    const again = sendSigned(server.port, body)
    await eventually(() => release.length).toBe(3)
    release[2]?.()
    expect((await again).status).toBe(200)
  })

  it('stays taken while a journal hangs, though the clients have their 503', async () => {
    const server = await startServer({
      append: never,
      settings: { limits: { ...limits, journalTimeoutMs: 50 } },
    })
    const statuses: string[] = []
    for (let sent = 0; sent < 4; sent++) await sendSigned(server.port, body)
    for (const { reason } of server.refused) statuses.push(reason)
    expect(statuses).toEqual(['store', 'store', 'overloaded', 'overloaded'])
  })

  it('takes nothing for what is only announced', async () => {
    const server = await startServer({ settings: { limits } })
    for (let open = 0; open < 20; open++) await openAdmitted(server.port, 200_000)
    expect((await sendSigned(server.port, body)).status).toBe(200)
  })

  it('counts chunked bodies as they come, and gives back what a leaver took', async () => {
    const server = await startServer({ settings: { limits } })
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n`
    const chunked = chunkedHead()
    const holder = await openConnected(server.port)
    holder.socket.write(chunked + chunk + chunk)
    const second = await openConnected(server.port)
    second.socket.write(chunked + chunk)
    await Promise.race([holder.closed, second.closed])
    expect(statusesIn(holder.text() + second.text())).toEqual([503])
    holder.socket.resetAndDestroy()
    second.socket.resetAndDestroy()
    await Promise.all([holder.closed, second.closed])
    await eventually(
      async () => (await sendSigned(server.port, Buffer.alloc(200_000, 'x'))).status,
    ).toBe(200)
  })

  it.each([
    ['with a length', headOf(200_000), headOf(200_000), Buffer.alloc(190_000, 'x')],
    ['in chunks', chunkedHead(), chunkedHead(), `2e630\r\n${'x'.repeat(190_000)}\r\n`],
  ])('bodies that are slow to come make way: %s', async (_name, slow, next, part) => {
    const server = await startServer({ settings: { limits: { ...limits, slowBodyMs: 0 } } })
    const holder = await openConnected(server.port)
    holder.socket.write(slow)
    holder.socket.write(part)
    const second = await openConnected(server.port)
    second.socket.write(next)
    second.socket.write(part)
    await holder.closed
    expect(second.socket.destroyed).toBe(false)
    expect((await sendSigned(server.port, body)).status).toBe(200)
    await second.closed
    expect(server.refused).toMatchObject([{ reason: 'overloaded' }, { reason: 'overloaded' }])
  })

  it('counts what a chunk costs beside its byte', async () => {
    const server = await startServer({ settings: { limits } })
    const chunked = chunkedHead()
    const text = await sendRaw(server.port, chunked + '1\r\nx\r\n'.repeat(1_000))
    expect(statusesIn(text)).toEqual([503])
  })

  it('is all there again after refusals of every kind', async () => {
    const server = await startServer({ settings: { limits, bodyLimitBytes: 150_000 } })
    const chunked = { 'transfer-encoding': 'chunked' }
    for (let round = 0; round < 5; round++) {
      const headers = { ...signed(BODY), ...chunked }
      expect((await sendRequest(server.port, { headers, body })).status).toBe(401)
      const large = Buffer.alloc(160_000, 'x')
      expect((await sendSigned(server.port, large, { headers: chunked })).status).toBe(413)
    }
    expect((await sendSigned(server.port, body)).status).toBe(200)
  })

  it('refuses what cannot fit before any of it is sent', async () => {
    const kept: Batch[] = []
    const append = (batch: Batch) => {
      kept.push(batch)
      return never()
    }
    const server = await startServer({ append, settings: { limits } })
    void sendSigned(server.port, body).catch(() => {})
    await eventually(() => kept.length).toBe(1)
    const connection = await openConnected(server.port)
    connection.socket.write(headOf(200_000))
    await connection.closed
    expect(statusesIn(connection.text())).toEqual([503])
  })

  it('gets back what a request took whose answer was still queued when its client left', async () => {
    let append = never
    const server = await startServer({
      append: () => append(),
      settings: { limits: { ...limits, journalTimeoutMs: 60_000 } },
    })
    const connection = await openConnected(server.port)
    connection.socket.write(headOf(BODY.length) + BODY)
    connection.socket.write(headOf(body.length))
    connection.socket.write(body)
    await eventually(() => server.refused.length).toBe(1)
    expect(server.refused).toMatchObject([{ reason: 'signature' }])
    connection.socket.resetAndDestroy()
    await connection.closed
    append = async () => {}
    await eventually(async () => {
      return (await sendSigned(server.port, Buffer.alloc(200_000, 'x'))).status
    }).toBe(200)
  })
})
