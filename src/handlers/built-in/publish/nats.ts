import type * as JetStream from '@nats-io/jetstream'
import type * as Transport from '@nats-io/transport-node'
import { loadPackage } from './load-package.ts'
import {
  type Broker,
  confirmEach,
  type Message,
  PublishError,
  toSubject,
  unlessAborted,
} from './message.ts'

export interface NatsOptions {
  /** `nats://` or `tls://`; may hold a user and a password, or a token as user. */
  readonly url: string
  /** Stands before the type. */
  readonly subject: string
}

const TO_INSTALL = '@nats-io/transport-node@3 @nats-io/jetstream@3'
const CONNECT_MS = 10_000
/** How long a stream may take to keep a message; the attempt's own time may be over before. */
const CONFIRM_MS = 30_000
const DEFAULT_PORT = '4222'

/**
 * Publishes to a JetStream stream of the team's, which must take `<subject>.>`. The stream drops a
 * message whose `Nats-Msg-Id` it has seen within its duplicate window. Rejects when the packages are
 * not installed.
 */
export async function openNats({ url, subject }: NatsOptions): Promise<Broker> {
  const transport = await loadPackage<typeof Transport>('@nats-io/transport-node', TO_INSTALL)
  const { jetstream } = await loadPackage<typeof JetStream>('@nats-io/jetstream', TO_INSTALL)
  const options = describeServer(new URL(url))
  let connecting: Promise<Transport.NatsConnection> | undefined

  /** The one connection, made anew once it is closed. */
  function connect(): Promise<Transport.NatsConnection> {
    connecting ??= transport.connect(options).then(
      (connection) => {
        void connection.closed().then(() => {
          connecting = undefined
        })
        return connection
      },
      (error) => {
        connecting = undefined
        throw new PublishError(`NATS could not be reached: ${nameOf(error)}.`)
      },
    )
    return connecting
  }

  async function publish(messages: readonly Message[], signal: AbortSignal) {
    const stream = jetstream(await unlessAborted(connect(), signal))
    return confirmEach(
      messages,
      ({ id, type, body }) =>
        stream.publish(`${subject}.${toSubject(type)}`, body, { msgID: id, timeout: CONFIRM_MS }),
      { signal, explain: (error) => explain(error, subject) },
    )
  }
  return { publish }
}

function describeServer(url: URL): Transport.ConnectionOptions {
  const user = decodeURIComponent(url.username)
  const pass = decodeURIComponent(url.password)
  const isToken = user !== '' && pass === ''
  return {
    servers: `${url.hostname}:${url.port || DEFAULT_PORT}`,
    name: 'mailtrap-receiver',
    timeout: CONNECT_MS,
    // The next attempt makes a new one; those that wait for an answer are told at once.
    reconnect: false,
    ...(url.protocol === 'tls:' && { tls: {} }),
    ...(isToken ? { token: user } : user !== '' && { user, pass }),
  }
}

function explain(error: unknown, subject: string): string {
  // So the client says when nobody answers: as far as it knows nobody may be there at all.
  if (error instanceof Error && error.name === 'JetStreamNotEnabled') {
    return `No JetStream stream takes the subject ${subject}.…, or the server runs without JetStream. Make one with: nats stream add mail --subjects "${subject}.>"`
  }
  return `NATS did not confirm the events: ${nameOf(error)}.`
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  return 'code' in error && error.code ? String(error.code) : `${error.name}: ${error.message}`
}
