import type { PublishOptions } from '../../handlers/built-in/built-in-options.ts'
import { WrongValue } from '../wrong-value.ts'
import type { OpenEntry } from './open-entry.ts'

const NATS = ['nats:', 'tls:']
const RABBIT = ['amqp:', 'amqps:']
const SUBJECT = /^[^\s.*>#]+(\.[^\s.*>#]+)*$/
const MAX_SUBJECT = 80

/** What an entry with `publish` says; undefined, with problems, when something in it is wrong. */
export function readPublishEntry(entry: OpenEntry): PublishOptions | undefined {
  const { given, attempt, readSecret } = entry
  const { subject, exchange } = given.publish ?? {}
  const url = attempt('publish.url', () => readBrokerUrl(readSecret(given.publish?.url ?? '')))
  const isRabbit = url && RABBIT.includes(new URL(url).protocol)
  const rest = attempt(isRabbit ? 'publish.exchange' : 'publish.subject', () => {
    if (subject !== undefined) checkSubject(subject)
    if (!url) return undefined
    return isRabbit ? readRabbit(subject, exchange) : readNats(subject, exchange)
  })
  return url && rest ? { url, ...rest } : undefined
}

/** No message shows it: it may hold a password. */
function readBrokerUrl(text: string): string {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined
  if (url?.hostname && [...NATS, ...RABBIT].includes(url.protocol)) return text.trim()
  throw new WrongValue(
    'is no address of a broker',
    'Give nats://host:4222 (tls:// with TLS) or amqp://user:password@host/vhost (amqps:// with TLS).',
  )
}

function checkSubject(subject: string): void {
  if (SUBJECT.test(subject) && subject.length <= MAX_SUBJECT) return
  throw new WrongValue(
    'is no subject',
    `Use words with dots between them, without blanks and wildcards, at most ${MAX_SUBJECT} characters.`,
  )
}

function readRabbit(subject: string | undefined, exchange: string | undefined) {
  if (exchange) return { exchange, subject }
  throw new WrongValue('is missing', 'Give the exchange of RabbitMQ to which events are published.')
}

function readNats(subject: string | undefined, exchange: string | undefined) {
  if (exchange !== undefined) {
    throw new WrongValue('has an exchange, which NATS does not know', 'Remove it.')
  }
  if (subject) return { subject }
  throw new WrongValue('is missing', 'Give what stands before the type, such as mail.events.')
}
