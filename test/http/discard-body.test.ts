import { describe, expect, it } from 'vitest'
import { BODY, headOf, openConnected } from './half-request.ts'
import { statusesIn } from './raw-socket.ts'
import { sendRequest, sendSigned } from './send-request.ts'
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
        await expect.poll(connection.text).toContain('{"error":"unauthorized"}')
        return connection.text()
      }),
    )
    expect(statusesIn(answers.join('\r\n'))).toHaveLength(200)
    expect((await sendSigned(server.port, BODY)).status).toBe(200)
  })

  it('is answered, not reset, although part of the body is on its way', async () => {
    const server = await startServer()
    for (let sent = 0; sent < 20; sent++) {
      const answer = await sendRequest(server.port, { body: Buffer.alloc(300_000) })
      expect(answer.status).toBe(401)
    }
  })

  it('has no more than a little of its bodies thrown away', async () => {
    const server = await startServer({ settings: { limits: { discardBytes: 10_000 } } })
    const connection = await openConnected(server.port)
    connection.socket.write(headOf(5 * MIB, {}))
    const sending = setInterval(() => connection.socket.write(Buffer.alloc(5_000)), 5)
    await connection.closed
    clearInterval(sending)
    expect(connection.socket.bytesWritten).toBeLessThan(MIB)
  })
})
