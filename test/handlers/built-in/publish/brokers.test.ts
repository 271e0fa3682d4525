import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import amqp from 'amqplib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Message, toSubject } from '../../../../src/handlers/built-in/publish/broker.ts'
import { openNats } from '../../../../src/handlers/built-in/publish/nats.ts'
import { onTestFinished } from '../../../on-test-finished.ts'
import { BROKERS, type BrokerServer } from './brokers.ts'

const NEVER = new AbortController().signal

let last = 0
/** A message whose id nobody else has. */
function makeMessage(type = 'email.opened', body = '{"n":1}'): Message {
  const id = `h:${++last}`
  return { item: `item ${last}`, id, type, body: Buffer.from(body) }
}

describe('a subject', () => {
  it.each([
    ['email.bounced', 'email.bounced'],
    ['activity_log.update', 'activity_log.update'],
    ['soft bounce', 'soft_bounce'],
    ['.a..b.*>#ü', 'a.b.____'],
    ['', '_'],
  ])('of the type %j is %j', (type, subject) => {
    expect(toSubject(type)).toBe(subject)
  })

  it('is no longer than a routing key may be', () => {
    expect(toSubject('x'.repeat(2_000))).toBe('x'.repeat(160))
  })
})

describe.each(BROKERS)('events published to $title', ({ title, start }) => {
  describe.skipIf(start === undefined)('with a server', () => {
    let server: BrokerServer
    beforeAll(async () => {
      server = await (start as () => Promise<BrokerServer>)()
    })
    afterAll(() => server.stop())

    it('come with their type in the subject, their id and their body', async () => {
      const broker = await server.open()
      const messages = [makeMessage('email.bounced', '{"ü":"\\u0000"}'), makeMessage('soft bounce')]
      expect(await broker.publish(messages, NEVER)).toEqual([])
      const received = await server.read()
      expect(received.slice(-2)).toEqual([
        { subject: 'mail.events.email.bounced', id: messages[0]?.id, body: '{"ü":"\\u0000"}' },
        { subject: 'mail.events.soft_bounce', id: messages[1]?.id, body: '{"n":1}' },
      ])
    })

    it('are confirmed 500 at a time, several times at once', async () => {
      const broker = await server.open()
      const batches = [1, 2, 3].map(() => Array.from({ length: 500 }, () => makeMessage()))
      const ends = await Promise.all(batches.map((batch) => broker.publish(batch, NEVER)))
      expect(ends).toEqual([[], [], []])
      const ids = new Set((await server.read()).map(({ id }) => id))
      for (const { id } of batches.flat()) expect(ids).toContain(id)
    })

    it('are refused while the server is away, and taken once it is back', async () => {
      const broker = await server.open()
      await broker.publish([makeMessage()], NEVER)
      await server.kill()
      const lost = makeMessage()
      const told = broker.publish([lost], AbortSignal.timeout(3_000))
      await expect(told).rejects.toThrow()
      await server.restart()
      await expect
        .poll(() => broker.publish([lost], AbortSignal.timeout(3_000)).catch(String))
        .toEqual([])
      expect((await server.read()).some(({ id }) => id === lost.id)).toBe(true)
    })

    it('fail with a word that says why, and holds no password', async () => {
      const url = server.url.replace(/:[^:@/]+@/, ':wrong-secret@')
      const broker = await server.open(url)
      const told = await broker.publish([makeMessage()], NEVER).catch(String)
      expect(told).toMatch(/^PublishError: (NATS|RabbitMQ) could not be reached: .+\.$/)
      expect(told).not.toContain('wrong-secret')
    })

    // What only one of them has, on the same server: another takes seconds to start.
    if (title === 'NATS JetStream') {
      it('are refused when no stream takes them, with the remedy', async () => {
        const broker = await openNats({ url: server.url, subject: 'elsewhere' })
        await expect(broker.publish([makeMessage()], NEVER)).rejects.toThrow(
          /No JetStream stream takes the subject elsewhere.*nats stream add/,
        )
      })

      it('are in the stream once when they come again', async () => {
        const broker = await server.open()
        const message = makeMessage()
        expect(await broker.publish([message], NEVER)).toEqual([])
        expect(await broker.publish([message], NEVER)).toEqual([])
        const received = (await server.read()).filter(({ id }) => id === message.id)
        expect(received).toHaveLength(1)
      })
    }

    if (title === 'RabbitMQ')
      it('get an exchange that was removed again, and no connection is left behind', async () => {
        const open = new Set<Socket>()
        const proxy = createServer((socket) => {
          const onward = connect(Number(new URL(server.url).port), '127.0.0.1')
          open.add(socket.on('close', () => open.delete(socket)))
          socket.pipe(onward).pipe(socket)
          for (const one of [socket, onward]) one.on('error', () => one.destroy())
        }).listen(0, '127.0.0.1')
        await once(proxy, 'listening')
        onTestFinished(() => void proxy.close())
        const { port } = proxy.address() as AddressInfo
        const broker = await server.open(server.url.replace(/:\d+$/, `:${port}`))
        await broker.publish([makeMessage()], NEVER)

        const admin = await amqp.connect(server.url)
        await (await admin.createChannel()).deleteExchange('mail')
        await expect(broker.publish([makeMessage()], NEVER)).rejects.toThrow()
        await expect.poll(() => broker.publish([makeMessage()], NEVER).catch(String)).toEqual([])
        await admin.close()
        await expect.poll(() => open.size).toBe(1)
      })
  })
})
