import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { DEFAULT_HTTP_LIMITS } from '../../src/receive/limits.ts'
import { afterDiscardingBody } from '../../src/receive/refuse.ts'
import { BODY, headOf, openConnected } from './half-request.ts'
import { statusesIn } from './raw-socket.ts'
import { sendSigned } from './send-request.ts'
import { startServer } from './start-server.ts'

const MIB = 1024 * 1024

describe('a flood of bad signatures', () => {
  it('is refused before its bodies are read', async () => {
    const server = await startServer()
    const wrong = headOf(MIB, { 'mailtrap-signature': 'not a signature' })
    const answers = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const connection = await openConnected(server.port)
        connection.socket.write(wrong)
        await connection.closed
        expect(connection.text()).toMatch(/\{"error":"unauthorized"\}$/)
        return connection.text()
      }),
    )
    expect(statusesIn(answers.join('\r\n'))).toHaveLength(200)
    expect((await sendSigned(server.port, BODY)).status).toBe(200)
  })

  it('is answered, not reset, although part of the body is on its way', async () => {
    const settings = { limits: { discardTimeoutMs: 60_000 } }
    const server = await startServer({ settings })
    for (let sent = 0; sent < 20; sent++) {
      const connection = await openConnected(server.port)
      const errors: Error[] = []
      connection.socket.on('error', (error) => errors.push(error))
      connection.socket.write(headOf(500_000, {}))
      connection.socket.write(Buffer.alloc(500_000))
      await connection.closed
      expect(statusesIn(connection.text())).toEqual([401])
      expect(errors).toEqual([])
    }
  })

  it('has no more than a little of its bodies thrown away', async () => {
    const server = await startServer({
      settings: { limits: { discardBytes: 10_000, discardTimeoutMs: 60_000 } },
    })
    const connection = await openConnected(server.port)
    connection.socket.write(headOf(5 * MIB, {}))
    const sending = setInterval(() => connection.socket.write(Buffer.alloc(5_000)), 5)
    await connection.closed
    clearInterval(sending)
    expect(connection.socket.bytesWritten).toBeLessThan(MIB)
  })
})

describe('afterDiscardingBody', () => {
  it('lets nobody go on gathering the body', () => {
    const request = Object.assign(new Readable({ read: () => {} }), {
      headers: { 'transfer-encoding': 'chunked' },
    }) as unknown as IncomingMessage
    request.on('data', () => {})
    afterDiscardingBody(request, DEFAULT_HTTP_LIMITS, () => {})
    expect(request.listenerCount('data')).toBe(1)
    request.emit('end')
    expect(request.listenerCount('data')).toBe(0)
  })
})
