import type * as Amqp from 'amqplib'
import { loadPackage } from './load-package.ts'
import {
  type Broker,
  confirmEach,
  type Message,
  PublishError,
  toSubject,
  unlessAborted,
} from './message.ts'

export interface RabbitOptions {
  /** `amqp://` or `amqps://`, with user, password and virtual host. */
  readonly url: string
  /** Made as a durable topic exchange when there is none of that name. */
  readonly exchange: string
  /** Stands before the type in the routing key; undefined: the type alone. */
  readonly subject: string | undefined
}

const TO_INSTALL = 'amqplib@2'
const CONNECT_MS = 10_000
const NOT_FOUND = 404

/**
 * Publishes persistent messages to an exchange, each confirmed by the broker. Rejects when the
 * package is not installed.
 */
export async function openRabbit({ url, exchange, subject }: RabbitOptions): Promise<Broker> {
  const amqp = await loadPackage<typeof Amqp>('amqplib', TO_INSTALL)
  let opening: Promise<Amqp.ConfirmChannel> | undefined

  /** The one channel, made anew once it or its connection is closed. */
  function open(): Promise<Amqp.ConfirmChannel> {
    opening ??= connect().catch((error) => {
      opening = undefined
      throw new PublishError(`RabbitMQ could not be reached: ${nameOf(error)}.`)
    })
    return opening
  }

  /** The channel and its connection end together. */
  async function connect(): Promise<Amqp.ConfirmChannel> {
    const connection = await amqp.connect(url, { timeout: CONNECT_MS })
    let isOver = false
    // Once: by the time its connection is closed, another may be open.
    const forget = () => {
      if (!isOver) opening = undefined
      isOver = true
    }
    const end = () => {
      forget()
      connection.close().catch(() => {})
    }
    // What broke is told by those who wait for their confirmations.
    connection.on('error', () => {})
    connection.on('close', forget)
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

  async function publish(messages: readonly Message[], signal: AbortSignal) {
    const channel = await unlessAborted(open(), signal)
    return confirmEach(messages, (message) => confirm(channel, message), {
      signal,
      explain: (error) => `RabbitMQ did not confirm the events: ${nameOf(error)}.`,
    })
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
  return { publish }
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

/** Its text may hold the address. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  return 'code' in error && error.code ? String(error.code) : error.name
}
