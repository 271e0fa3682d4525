import type * as Amqp from 'amqplib'
import type { PublishOptions } from '../built-in-options.ts'
import { type Broker, createBroker, loadPackage, type Message, toSubject } from './broker.ts'

const TO_INSTALL = 'amqplib@2'
const CONNECT_MS = 10_000
const NOT_FOUND = 404

/**
 * Publishes persistent messages to an exchange, each confirmed by the broker. Rejects when the
 * package is not installed.
 */
export async function openRabbit({ url, exchange = '', subject }: PublishOptions): Promise<Broker> {
  const amqp = await loadPackage<typeof Amqp>('amqplib', TO_INSTALL)

  /** The channel and its connection end together. */
  async function connect(onClose: () => void): Promise<Amqp.ConfirmChannel> {
    const connection = await amqp.connect(url, { timeout: CONNECT_MS })
    const end = () => {
      onClose()
      connection.close().catch(() => {})
    }
    // What broke is told by those who wait for their confirmations.
    connection.on('error', () => {})
    connection.on('close', onClose)
    try {
      await makeExchange(connection, exchange)
      const channel = await connection.createConfirmChannel()
      channel.on('error', () => {})
      channel.on('close', end)
      return channel
    } catch (error) {
      end()
      throw error
    }
  }

  function confirm(channel: Amqp.ConfirmChannel, { id, type, body }: Message): Promise<void> {
    const key = subject === undefined ? toSubject(type) : `${subject}.${toSubject(type)}`
    const properties = {
      messageId: id,
      type: toSubject(type),
      contentType: 'application/json',
      persistent: true,
      appId: 'mailtrap-receiver',
    }
    return new Promise((resolve, reject) => {
      channel.publish(exchange, key, body, properties, (error) =>
        error ? reject(error) : resolve(),
      )
    })
  }
  // Its errors' texts may hold the address.
  return createBroker({ label: 'RabbitMQ', connect, send: confirm, nameOf: ({ name }) => name })
}

/** An exchange that is there is taken as it is, whatever its type. */
async function makeExchange(connection: Amqp.ChannelModel, exchange: string): Promise<void> {
  const looking = await connection.createChannel()
  looking.on('error', () => {})
  try {
    await looking.checkExchange(exchange)
    await looking.close()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== NOT_FOUND) throw error
    const making = await connection.createChannel()
    making.on('error', () => {})
    await making.assertExchange(exchange, 'topic', { durable: true })
    await making.close()
  }
}
