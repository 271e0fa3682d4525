import { findNearestWord } from '../nearest-word.ts'
import { WrongValue } from './wrong-value.ts'

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
export function checkParameters(parameters: URLSearchParams): void {
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
