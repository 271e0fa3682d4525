import type * as JetStream from '@nats-io/jetstream'
import type * as Transport from '@nats-io/transport-node'
import type { PublishOptions } from '../built-in-options.ts'
import { type Broker, createBroker, loadPackage, toSubject } from './broker.ts'

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
export async function openNats({
  url,
  subject = '',
}: Pick<PublishOptions, 'url' | 'subject'>): Promise<Broker> {
  const transport = await loadPackage<typeof Transport>('@nats-io/transport-node', TO_INSTALL)
  const { jetstream } = await loadPackage<typeof JetStream>('@nats-io/jetstream', TO_INSTALL)
  const options = describeServer(new URL(url))
  return createBroker({
    label: 'NATS',
    async connect(onClose) {
      const connection = await transport.connect(options)
      void connection.closed().then(onClose)
      return jetstream(connection)
    },
    send: (stream, { id, type, body }) =>
      stream.publish(`${subject}.${toSubject(type)}`, body, { msgID: id, timeout: CONFIRM_MS }),
    nameOf: ({ name, message }) => `${name}: ${message}`,
    explain: (error) => explainNoStream(error, subject),
  })
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

/** So the client says when nobody answers: as far as it knows nobody may be there at all. */
function explainNoStream(error: unknown, subject: string): string | undefined {
  if (!(error instanceof Error) || error.name !== 'JetStreamNotEnabled') return undefined
  return `No JetStream stream takes the subject ${subject}.…, or the server runs without JetStream. Make one with: nats stream add mail --subjects "${subject}.>"`
}
