import { Agent } from 'node:http'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/model.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { eventually } from './eventually.ts'
import { BODY, headOf, openAdmitted, openConnected } from './half-request.ts'
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

  it('those whose body does not come make way too', async () => {
    const server = await startServer({ settings: { limits } })
    const slow: RawConnection[] = []
    for (let count = 0; count < 10; count++) slow.push(await openAdmitted(server.port, 1_000))
    for (let count = 0; count < 5; count++) {
      expect((await sendSigned(server.port, BODY)).status).toBe(200)
    }
    await slow[0]?.closed
    expect(slow[9]?.socket.destroyed).toBe(false)
    expect(server.refused.some(({ reason }) => reason === 'overloaded')).toBe(false)
  })

  it('those that wait for us do not: the next is answered 503', async () => {
    const kept: Batch[] = []
    const append = (batch: Batch) => {
      kept.push(batch)
      return new Promise<void>(() => {})
    }
    const server = await startServer({ append, settings: { limits } })
    for (let count = 0; count < 10; count++) {
      const connection = await openConnected(server.port)
      connection.socket.write(headOf(BODY.length) + BODY)
    }
    await eventually(() => kept.length).toBe(10)
    expect((await sendSigned(server.port, BODY)).status).toBe(503)
    expect(server.refused).toMatchObject([{ reason: 'overloaded' }])
    const health = await sendRequest(server.port, { method: 'GET', path: '/healthz' })
    expect(health.status).toBe(200)
  })
})
