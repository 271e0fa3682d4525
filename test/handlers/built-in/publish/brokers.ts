import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as connectNats } from '@nats-io/transport-node'
import amqp from 'amqplib'
import { vi } from 'vitest'
import type { Broker } from '../../../../src/handlers/built-in/publish/broker.ts'
import { openNats } from '../../../../src/handlers/built-in/publish/nats.ts'
import { openRabbit } from '../../../../src/handlers/built-in/publish/rabbitmq.ts'
import { findFreePort } from '../../../receive/find-free-port.ts'

/** What a consumer sees of a message. */
export interface Received {
  readonly subject: string
  readonly id: string | undefined
  readonly body: string
}

/** A server with a stream, or queue, that takes all that is published below `mail`. */
export interface BrokerServer {
  readonly url: string
  open(url?: string): Promise<Broker>
  /** All that there is, in order. Of a queue they are taken out. */
  read(): Promise<Received[]>
  /** As power does. */
  kill(): Promise<void>
  /** On the same data and port. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface BrokerKind {
  readonly title: string
  /** Undefined where its server is not installed. */
  readonly start: (() => Promise<BrokerServer>) | undefined
}

const PASSWORD = 'broker-secret'
const RABBIT_LIBRARY = '/usr/lib/rabbitmq/lib'
const hasNats = spawnSync('which', ['nats-server']).status === 0
const rabbitScript = findRabbit()
if (!hasNats) console.warn('SKIPPED: tests with NATS, whose server is not installed')
if (!rabbitScript) console.warn('SKIPPED: tests with RabbitMQ, which is not installed')

export const BROKERS: readonly BrokerKind[] = [
  { title: 'NATS JetStream', start: hasNats ? startNats : undefined },
  { title: 'RabbitMQ', start: rabbitScript === undefined ? undefined : startRabbit },
]

/** Debian's own script wants to be run by its own user, the one that it calls does not. */
function findRabbit(): string | undefined {
  try {
    const [folder] = readdirSync(RABBIT_LIBRARY)
    return folder && join(RABBIT_LIBRARY, folder, 'sbin', 'rabbitmq-server')
  } catch {
    return undefined
  }
}

async function startNats(): Promise<BrokerServer> {
  const folder = mkdtempSync(join(tmpdir(), 'nats-'))
  const port = await findFreePort()
  const url = `nats://tester:${PASSWORD}@127.0.0.1:${port}`
  const config = join(folder, 'nats.conf')
  writeFileSync(
    config,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${folder}" }\nauthorization { user: tester, password: "${PASSWORD}" }\n`,
  )
  const start = () => spawn('nats-server', ['-c', config], { stdio: 'ignore' })
  const connect = () =>
    connectNats({ servers: `127.0.0.1:${port}`, user: 'tester', pass: PASSWORD })
  const server = await keepRunning(start, async () => {
    const connection = await connect()
    const manager = await jetstreamManager(connection)
    await manager.streams
      .info('mail')
      .catch(() => manager.streams.add({ name: 'mail', subjects: ['mail.>'] }))
    await connection.close()
  })

  async function read(): Promise<Received[]> {
    const connection = await connect()
    const manager = await jetstreamManager(connection)
    const { state } = await manager.streams.info('mail')
    const messages: Received[] = []
    if (state.messages > 0) {
      const consumer = await jetstream(connection).consumers.get('mail')
      for await (const message of await consumer.fetch({ max_messages: state.messages })) {
        messages.push(toReceived(message))
      }
    }
    await connection.close()
    return messages
  }
  const open = (given = url) => openNats({ url: given, subject: 'mail.events' })
  return { url, open, read, ...server, stop: () => stopAndRemove(server.kill, folder) }
}

const toReceived = (message: JsMsg): Received => ({
  subject: message.subject,
  id: message.headers?.get('Nats-Msg-Id'),
  body: message.string(),
})

async function startRabbit(): Promise<BrokerServer> {
  const folder = mkdtempSync(join(tmpdir(), 'rabbit-'))
  const [port, distribution, epmd] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ]
  const url = `amqp://guest:guest@127.0.0.1:${port}`
  mkdirSync(join(folder, 'data'))
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    RABBITMQ_NODENAME: `test${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_CONFIG_FILE: join(folder, 'none'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none-env'),
  }
  // In a group of its own: the script starts others, which outlive it.
  const start = () => spawn(rabbitScript ?? '', [], { stdio: 'ignore', env, detached: true })
  const server = await keepRunning(start, async () => {
    const connection = await amqp.connect(url)
    const channel = await connection.createChannel()
    await channel.assertExchange('mail', 'topic', { durable: true })
    await channel.assertQueue('all', { durable: true })
    await channel.bindQueue('all', 'mail', '#')
    await connection.close()
  })

  async function read(): Promise<Received[]> {
    const connection = await amqp.connect(url)
    const channel = await connection.createChannel()
    const messages: Received[] = []
    for (;;) {
      const message = await channel.get('all', { noAck: true })
      if (!message) break
      messages.push({
        subject: message.fields.routingKey,
        id: message.properties.messageId,
        body: message.content.toString(),
      })
    }
    await connection.close()
    return messages
  }
  async function stop(): Promise<void> {
    await stopAndRemove(server.kill, folder)
    spawnSync('epmd', ['-port', String(epmd), '-kill'])
  }
  const open = (given = url) => openRabbit({ url: given, exchange: 'mail', subject: 'mail.events' })
  return { url, open, read, ...server, stop }
}

async function keepRunning(start: () => ChildProcess, prepare: () => Promise<void>) {
  let child = start()
  const whenReady = () => vi.waitFor(prepare, { interval: 100 })
  await whenReady()
  return {
    async kill() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      const { pid = 0, spawnargs } = child
      process.kill(spawnargs[0] === 'nats-server' ? pid : -pid, 'SIGKILL')
      await ended
    },
    async restart() {
      child = start()
      await whenReady()
    },
  }
}

async function stopAndRemove(kill: () => Promise<void>, folder: string): Promise<void> {
  await kill()
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
