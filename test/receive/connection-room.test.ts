import { Agent } from 'node:http'
import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { BODY, openAdmitted, openConnected } from './half-request.ts'
import type { RawConnection } from './raw-socket.ts'
import { sendRequest, sendSigned } from './send-request.ts'
import { startServer } from './start-server.ts'

describe('connections', () => {
  const limits = { connections: 10 }

  it('silent ones make way, the oldest first', async () => {
    const server = await startServer({ settings: { limits } })
    const silent: RawConnection[] = []
    for (let count = 0; count < 10; count++) silent.push(await openConnected(server.port))
    for (let count = 0; count < 5; count++) {
      expect((await sendSigned(server.port, BODY)).status).toBe(200)
    }
    await silent[0]?.closed
    expect(silent[9]?.socket.destroyed).toBe(false)
  })

  it('idle ones make way too, which an answer was kept alive for', async () => {
    const server = await startServer({ settings: { limits } })
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const sendKept = () => sendSigned(server.port, BODY, { agent })
    await Promise.all(Array.from({ length: 10 }, sendKept))
    for (let count = 0; count < 15; count++) {
      expect((await sendSigned(server.port, BODY)).status).toBe(200)
    }
    expect(server.refused).toEqual([])
  })

  it('busy ones do not: the next is answered 503', async () => {
    const server = await startServer({ settings: { limits } })
    for (let count = 0; count < 10; count++) await openAdmitted(server.port, 1_000)
    expect((await sendSigned(server.port, BODY)).status).toBe(503)
    expect(server.refused).toMatchObject([{ reason: 'overloaded' }])
    const health = await sendRequest(server.port, { method: 'GET', path: '/healthz' })
    expect(health.status).toBe(200)
  })
})
