import { describe, expect, it } from 'vitest'
import { eventually } from './eventually.ts'
import { chunkedHead, headOf, openConnected } from './half-request.ts'
import { statusesIn } from './raw-socket.ts'
import { sendSigned } from './send-request.ts'
import { startServer } from './start-server.ts'

const MIB = 1024 * 1024

describe('size', () => {
  const settings = { bodyLimitBytes: 1_000 }
  const chunked = { 'transfer-encoding': 'chunked' }

  it.each([
    ['a length', {}],
    ['chunks', chunked],
  ])('takes a body of exactly the limit, with %s', async (_name, headers) => {
    const server = await startServer({ settings })
    expect((await sendSigned(server.port, 'x'.repeat(1_000), { headers })).status).toBe(200)
    expect(server.batches).toHaveLength(1)
  })

  it.each([
    ['a length', {}],
    ['chunks', chunked],
  ])('answers 413 to one byte more, with %s', async (_name, headers) => {
    const server = await startServer({ settings })
    const answer = await sendSigned(server.port, 'x'.repeat(1_001), { headers })
    expect(answer).toMatchObject({ status: 413, text: '{"error":"too_large"}' })
    expect(answer.headers.connection).toBe('close')
    expect(server.refused).toMatchObject([{ reason: 'too_large', status: 413 }])
    expect(server.batches).toEqual([])
  })

  it('answers 413 to endless chunks without waiting for their end', async () => {
    const server = await startServer({ settings })
    const connection = await openConnected(server.port)
    connection.socket.write(`${chunkedHead()}800\r\n${'x'.repeat(0x800)}\r\n`)
    await connection.closed
    expect(statusesIn(connection.text())).toEqual([413])
  })

  it('takes the default limit of 10 MiB and not a byte more', async () => {
    const server = await startServer()
    const body = Buffer.alloc(10 * MIB, 'x')
    expect((await sendSigned(server.port, body)).status).toBe(200)
    const connection = await openConnected(server.port)
    connection.socket.write(headOf(10 * MIB + 1))
    await eventually(connection.text).toContain('413 Payload Too Large')
  })
})
