import { findNearestWord } from '../nearest-word.ts'
import { readPath } from './plain-values.ts'
import { WrongValue } from './problems.ts'

/** Where everything is kept: in a file of this machine, or in a database that replicas share. */
export type StoreAddress =
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'postgres'; readonly url: string }

const REMEDY = 'Give sqlite:<path of a file> or postgres://<user>:<password>@<host>/<database>.'

/** No message shows the text: the URL of a database may hold a password. */
export function readStoreUrl(text: string): StoreAddress {
  const url = text.trim()
  if (/^postgres(ql)?:/i.test(url)) return { engine: 'postgres', url: readPostgresUrl(url) }
  const path = /^sqlite:(?:\/\/(?=\/))?([^?#]+)$/.exec(url)?.[1]
  if (path === undefined || path === '/' || path.startsWith('//')) {
    throw new WrongValue('is no address of a store', REMEDY)
  }
  if (path !== ':memory:') return { engine: 'sqlite', path: readPath(path) }
  throw new WrongValue('keeps events in memory, where a crash loses them', REMEDY)
}

function readPostgresUrl(url: string): string {
  const parsed = parse(url)
  if (!parsed || /\p{Cc}/u.test(url)) {
    throw new WrongValue(
      'is no address of a PostgreSQL database',
      `${REMEDY} Characters such as @ / # in a password are written as %40 %2F %23.`,
    )
  }
  if (parsed.pathname.length <= 1) throw new WrongValue('names no database', REMEDY)
  checkParameters(parsed.searchParams)
  return url
}

/** The files with certificates that its parameters name; `system` stands for those of the machine. */
export function findCertificateFiles(url: string): string[] {
  return ['sslrootcert', 'sslcert', 'sslkey'].flatMap((name) => {
    const path = parse(url)?.searchParams.get(name)
    return path && path !== 'system' ? [path] : []
  })
}

/** For people and logs: without password and parameters. */
export function labelStore(url: string): string {
  const parsed = /^postgres(ql)?:/i.test(url) ? parse(url) : undefined
  if (!parsed) return url
  const { username, host, pathname, searchParams } = parsed
  const user = username === '' ? '' : `${username}@`
  return `postgres://${user}${searchParams.get('host') ?? host}${pathname}`
}

/** A socket's folder stands among the parameters, behind an empty host, which URLs do not allow. */
function parse(url: string): URL | undefined {
  try {
    return new URL(url.replace('@/', '@localhost/').replace(/^(\w+:\/\/)\//, '$1localhost/'))
  } catch {
    return undefined
  }
}

/** What may stand behind the `?` of a database's URL, in the order in which a message lists it. */
const KNOWN = [
  ...['host', 'port', 'user', 'password', 'options', 'application_name', 'schema'],
  ...['connect_timeout', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation'],
]

/** Those of PostgreSQL's own programs, and of other drivers, that are not, and what to do instead. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  target_session_attrs: 'Name the server that takes writes alone.',
  load_balance_hosts: 'Name one server.',
  hostaddr: 'Give the address as the host.',
  dbname: 'Give the database as the path of the URL.',
  database: 'Give the database as the path of the URL.',
  ssl: 'Give sslmode=verify-full or sslmode=require.',
  channel_binding: 'Remove it, and have the server verified with sslmode=verify-full.',
  requiressl: 'Give sslmode=require.',
  passfile: 'Give the whole URL in a file, with STORE_URL_FILE.',
  service: 'Write out what the service stands for.',
  servicefile: 'Write out what the service stands for.',
  sslpassword: 'Give a key without a pass phrase.',
  fallback_application_name: 'Give application_name.',
  statement_timeout: 'Remove it: every statement has a time of its own.',
  lock_timeout: 'Remove it: every statement has a time of its own.',
  query_timeout: 'Remove it: every statement has a time of its own.',
  idle_in_transaction_session_timeout: 'Remove it: every transaction has a time of its own.',
  pgbouncer: 'Remove it: a pooler needs no mark.',
  uselibpqcompat: 'Remove it: sslmode means what it means for PostgreSQL’s own programs.',
  ...Object.fromEntries(
    [
      ...['sslcrl', 'sslcrldir', 'sslcompression', 'sslcertmode', 'sslsni'],
      ...['ssl_min_protocol_version', 'ssl_max_protocol_version', 'require_auth', 'requirepeer'],
      ...['krbsrvname', 'gsslib', 'gssencmode', 'gssdelegation', 'replication', 'client_encoding'],
      ...['keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count'],
      ...['tcp_user_timeout', 'connection_limit', 'pool_timeout'],
    ].map((name) => [name, 'Remove it.']),
  ),
}

const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full']

/** As in PostgreSQL, but nothing that would have to be quoted or is the server's own. */
const SCHEMA_NAME = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/

/** Throws `WrongValue` for whatever would be passed over in silence, or fail later without a name. */
function checkParameters(parameters: URLSearchParams): void {
  for (const name of parameters.keys()) checkName(name)
  const twice = KNOWN.find((name) => parameters.getAll(name).length > 1)
  if (twice) throw new WrongValue(`holds ${twice} twice`, 'Remove one of them.')
  checkOneOf(parameters, 'sslmode', SSL_MODES)
  checkOneOf(parameters, 'sslnegotiation', ['postgres', 'direct'])
  checkAuthorities(parameters)
  const seconds = 'Give whole seconds, such as connect_timeout=10.'
  checkPattern(parameters, 'connect_timeout', /^\d{1,4}$/, seconds)
  checkPattern(parameters, 'port', /^\d{1,5}$/, 'Give a number, such as port=5432.')
  if (!SCHEMA_NAME.test(parameters.get('schema') ?? 'own')) {
    throw new WrongValue(
      'names a schema that is not to be used',
      'Give lower-case letters, digits and _, at most 63, not beginning with pg_.',
    )
  }
}

/** A name that nobody knows is not shown: it may be a piece of a password. */
function checkName(name: string): void {
  if (KNOWN.includes(name)) return
  if (Object.hasOwn(UNSUPPORTED, name)) {
    throw new WrongValue(`holds ${name}, which is not supported`, UNSUPPORTED[name] ?? '')
  }
  const meant = findNearestWord(name, KNOWN, 2)
  throw new WrongValue(
    'holds a parameter that is not known',
    meant ? `Did you mean ${meant}?` : `Known are ${KNOWN.join(', ')}.`,
  )
}

function checkOneOf(parameters: URLSearchParams, name: string, values: readonly string[]): void {
  const pattern = new RegExp(`^(${values.join('|')})$`)
  checkPattern(parameters, name, pattern, `Give one of ${values.join(', ')}.`)
}

/** As PostgreSQL's own programs, but for the modes with which one cannot say what is on the wire. */
function checkAuthorities(parameters: URLSearchParams): void {
  const mode = parameters.get('sslmode')
  if (mode === 'verify-ca' && !parameters.has('sslrootcert')) {
    throw new WrongValue(
      'asks for sslmode=verify-ca without an authority to verify by',
      'Add sslrootcert=<file>, or use verify-full, which knows the public ones.',
    )
  }
  const isSystem = parameters.get('sslrootcert') === 'system'
  if (isSystem && (mode ?? 'verify-full') !== 'verify-full') {
    throw new WrongValue(
      'asks for sslrootcert=system without sslmode=verify-full',
      'Give both: anybody can have a certificate of those authorities, so the host is to be verified.',
    )
  }
}

function checkPattern(
  parameters: URLSearchParams,
  name: string,
  pattern: RegExp,
  remedy: string,
): void {
  const value = parameters.get(name)
  if (value === null || pattern.test(value)) return
  throw new WrongValue(`asks for ${name}=${value.slice(0, 20)}`, remedy)
}
