import type {
  BuiltInOptions,
  PublishOptions,
  TableOptions,
} from '../../handlers/built-in/built-in-options.ts'
import { BUILT_IN_KINDS, type BuiltIn, type BuiltInKind } from '../../model.ts'
import { parseUrl } from '../plain-values.ts'
import { WrongValue } from '../problems.ts'
import { FORWARD_KEYS, readForwardEntry } from './forward-entry.ts'
import type { OpenEntry } from './open-entry.ts'

/** How a kind of built-in handler is set in the file. What its keys hold stands in `file-schema.ts`. */
interface KindInFile<Options> {
  /** Besides the key that makes an entry one of this kind. */
  readonly keys: readonly string[]
  /** Undefined, with problems, when something is wrong. */
  readonly read: (entry: OpenEntry) => Options | undefined
  /** Where it takes events, for people. */
  readonly show: (options: Options) => string
}

const IN_FILE: { readonly [Kind in BuiltInKind]: KindInFile<BuiltInOptions[Kind]> } = {
  forward: { keys: FORWARD_KEYS, read: readForwardEntry, show: ({ url }) => showPlace(url) },
  table: {
    keys: [],
    read: readTableEntry,
    show: ({ url, name }) => `${showPlace(url)}, table ${name}`,
  },
  publish: {
    keys: [],
    read: readPublishEntry,
    show: ({ url, subject, exchange }) =>
      showPlace(url) +
      (exchange === undefined ? '' : `, exchange ${exchange}`) +
      (subject === undefined ? '' : `, subject ${subject}`),
  },
}

const COMMON_KEYS = ['where', 'rate', 'concurrency', 'timeout', 'retry', 'memory']
const BUILT_IN_KEYS = ['name', 'events']

/** The built-in handler of an entry; undefined for a module, and for one that is wrong. */
export function readBuiltIn(entry: OpenEntry): BuiltIn | undefined {
  const kind = BUILT_IN_KINDS.find((one) => entry.given[one] !== undefined)
  refuseStrangeKeys(entry, kind)
  const options = kind && IN_FILE[kind].read(entry)
  const { name = kind, events = ['*'] } = entry.given
  return kind && name && options ? { kind, name, events, options } : undefined
}

function refuseStrangeKeys({ given, attempt }: OpenEntry, kind: BuiltInKind | undefined): void {
  const own = kind ? [kind, ...BUILT_IN_KEYS, ...IN_FILE[kind].keys] : ['module']
  const known = [...COMMON_KEYS, ...own]
  const remedy = (key: string) =>
    !kind && BUILT_IN_KEYS.includes(key)
      ? 'Say it in the module, with defineHandler.'
      : 'Remove it.'
  for (const key of Object.keys(given).filter((one) => !known.includes(one))) {
    attempt(key, () => {
      throw new WrongValue(`means nothing for ${kind ?? 'a module'}`, remedy(key))
    })
  }
}

/** One with the folder of a socket, `postgres://user@/database?host=/run/…`, is no URL by the standard. */
const POSTGRES = /^postgres(ql)?:\/\/\S+$/
const NAME = /^([a-z_][a-z0-9_]{0,39}\.)?[a-z_][a-z0-9_]{0,39}$/i

/** What an entry with `table` says; undefined, with problems, when something in it is wrong. */
function readTableEntry({ given, attempt, readSecret }: OpenEntry): TableOptions | undefined {
  const url = attempt('table.url', () => readTableUrl(readSecret(given.table?.url ?? '')))
  const name = attempt('table.name', () => readTableName(given.table?.name ?? ''))
  return url && name ? { url, name } : undefined
}

/** No message shows it: it may hold a password. */
function readTableUrl(text: string): string {
  const address = text.trim()
  if (POSTGRES.test(address)) return address
  if (parseUrl(address, ['http:', 'https:'])) return address
  throw new WrongValue(
    'is no address of a database',
    'Give postgres://user:password@host/database, or http(s)://user:password@host:8123/ of a ClickHouse server.',
  )
}

function readTableName(text: string): string {
  if (NAME.test(text)) return text
  throw new WrongValue(
    'is no name of a table',
    'Use letters, digits and underscores, at most 40, a letter first; a schema or database may stand before it, with a dot.',
  )
}

const NATS = ['nats:', 'tls:']
const RABBIT = ['amqp:', 'amqps:']
const SUBJECT = /^[^\s.*>#]+(\.[^\s.*>#]+)*$/
const MAX_SUBJECT = 80

/** What an entry with `publish` says; undefined, with problems, when something in it is wrong. */
function readPublishEntry(entry: OpenEntry): PublishOptions | undefined {
  const { given, attempt, readSecret } = entry
  const { subject, exchange } = given.publish ?? {}
  const url = attempt('publish.url', () => readBrokerUrl(readSecret(given.publish?.url ?? '')))
  const isSubject = attempt('publish.subject', () => subject === undefined || checkSubject(subject))
  if (!url) return undefined
  const isRabbit = RABBIT.includes(new URL(url).protocol)
  const rest = attempt(isRabbit ? 'publish.exchange' : 'publish.subject', () =>
    isRabbit ? readRabbit(subject, exchange) : readNats(subject, exchange),
  )
  return isSubject && rest ? { url, ...rest } : undefined
}

/** No message shows it: it may hold a password. */
function readBrokerUrl(text: string): string {
  if (parseUrl(text, [...NATS, ...RABBIT])?.hostname) return text.trim()
  throw new WrongValue(
    'is no address of a broker',
    'Give nats://host:4222 (tls:// with TLS) or amqp://user:password@host/vhost (amqps:// with TLS).',
  )
}

function checkSubject(subject: string): true {
  if (SUBJECT.test(subject) && subject.length <= MAX_SUBJECT) return true
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

/** Where a built-in handler takes its events, for people. What may be secret of an address is left out. */
export function showTarget({ kind, options }: BuiltIn): string {
  return (IN_FILE[kind].show as (options: object) => string)(options)
}

/** Scheme, host and port; of PostgreSQL's socket its folder. */
function showPlace(address: string): string {
  const scheme = address.slice(0, address.indexOf('://') + 3)
  // With a socket it is no URL by the standard.
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.host) return `${scheme}${url.host}`
  const folder = new URLSearchParams(address.split('?')[1]).get('host') ?? ''
  return `${scheme}${folder}`
}
