import { existsSync, readFileSync } from 'node:fs'
import * as tls from 'node:tls'
import { Client, DatabaseError, Pool, types } from 'pg'
import { ReceiverError } from '../../errors.ts'

export type { Pool, PoolClient } from 'pg'

/** How the connections are named in `pg_stat_activity`. */
const APPLICATION_NAME = 'mailtrap-receiver'

/** So that a pool finds its way back to a server that was replaced behind the same name. */
const MAX_LIFETIME_SECONDS = 1_800

const [INT8, NUMERIC, UUID] = [20, 1700, 2950]

/** Ids, times, counts and sums of them: none of ours leaves the safe integers. A UUID is a key. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [INT8]: Number,
  [NUMERIC]: Number,
  [UUID]: (text) => Buffer.from(text.replaceAll('-', ''), 'hex'),
}
const TYPES = {
  getTypeParser: ((oid: number, format?: 'text') =>
    PARSERS[oid] ?? types.getTypeParser(oid, format)) as typeof types.getTypeParser,
}

/**
 * A connection of ours. No start parameter but those that PgBouncer lets through: whatever else has
 * to be set is set in each transaction.
 */
export function createClient(readUrl: ReadUrl): Client {
  const { url, connectTimeoutMs, ssl } = readAddress(readUrl())
  return new Client({
    connectionString: url,
    ...(ssl && { ssl }),
    application_name: APPLICATION_NAME,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: TYPES,
    // Statements that do not need each other's answers share one way to the server and back.
    pipeline: true,
  })
}

/** `onLost` hears of every connection that ended without being told to. */
export function createPool(readUrl: ReadUrl, max: number, onLost: () => void): Pool {
  const open = () => createClient(readUrl)
  const pool = new Pool({
    Client: function openClient() {
      return open()
    } as unknown as new () => Client,
    max,
    connectionTimeoutMillis: readAddress(readUrl()).connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
  })
  // Without listeners, a server that goes away would end this process. The pool has dropped an idle
  // connection by then, and whoever holds one learns it from his query.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', onLost))
  return pool
}

/** SQLSTATE of an error that the server reported. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined
}

/** Two transactions were in each other's way; the same again may succeed. */
export function isCollision(error: unknown): boolean {
  return ['40P01', '40001'].includes(sqlState(error) ?? '')
}

/** The server answered, and goes on working on this connection. */
export function isConnectionUsable(error: unknown): boolean {
  return /^(22|23|40|42|54|55P03|57014)/.test(sqlState(error) ?? '')
}

/** A number is taken that should be new, or none is left: what numbers itself has to be looked at. */
export function isNumberingWrong(error: unknown): boolean {
  return ['23505', '2200H'].includes(sqlState(error) ?? '') && !isKnownKey(error)
}

/** The key of an event is there already. */
export function isKnownKey(error: unknown): boolean {
  return sqlState(error) === '23505' && (error as DatabaseError).table === 'keys'
}

/**
 * A value or a limit: it fails for what it is, not for when. No constraint of ours depends on what
 * somebody sent, so one that is violated tells of the database's state.
 */
function isContentRefused(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  const isTooLarge = error instanceof RangeError && code === 'ERR_OUT_OF_RANGE'
  return isTooLarge || (/^(22|54)/.test(sqlState(error) ?? '') && !isNumberingWrong(error))
}

/** What a driver's error means for the receiver. */
export function translateError(error: unknown): ReceiverError {
  if (error instanceof ReceiverError) return error
  const options = { detail: `PostgreSQL: ${describe(error)}`, cause: error }
  const state = sqlState(error)
  if (state === '53100') return new ReceiverError('store_full', options)
  if (state === 'XX001' || state === 'XX002') return new ReceiverError('store_corrupt', options)
  if (isContentRefused(error)) return new ReceiverError('store_refused', options)
  return new ReceiverError('store_busy', { ...options, isAway: isAway(error) })
}

/** No connection could be had, or the server ended it. */
function isAway(error: unknown): boolean {
  const { code = '', message = '' } = (error ?? {}) as { code?: string; message?: string }
  const isOver = message.startsWith('Connection terminated')
  return isOver || (error instanceof DatabaseError ? /^(08|57P)/ : /^E[A-Z_]+$/).test(code)
}

/** A refused connection to a name with several addresses has no message of its own. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message || String((error as { code?: unknown }).code ?? error.name)
}

/** Where the database is. A function, because a password may be changed while we run. */
export type ReadUrl = () => string

/** What a URL says, apart from what the driver reads of it. */
interface Address {
  /** For the driver: without the parameters that are ours to understand. */
  readonly url: string
  /** In which our tables stand. */
  readonly schema: string
  readonly connectTimeoutMs: number
  /** Where the system's authorities are to verify the server's certificate: these, and our own files. */
  readonly ssl: { readonly ca: string[]; readonly cert?: string; readonly key?: string } | undefined
}

const DEFAULT_SCHEMA = 'mailtrap_receiver'

/** `pg` would put what it reads of them in the place of ours. */
const TLS_PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey']

/** Longer waits for a connection are failures, where the URL does not say. */
const CONNECT_TIMEOUT_MS = 10_000

/** Where systems keep the certificates of public authorities, for what knows no better way to ask. */
const AUTHORITY_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** Of a URL whose parameters were checked with the settings. */
export function readAddress(url: string): Address {
  const [place, ...parameters] = url.split('?')
  const given = new URLSearchParams(parameters.join('?'))
  const ssl = given.get('sslrootcert') === 'system' ? readSystemTls(given) : undefined
  const address = {
    schema: given.get('schema') ?? DEFAULT_SCHEMA,
    // Whole seconds. For PostgreSQL's own programs 0 is for ever, which we never wait.
    connectTimeoutMs: Number(given.get('connect_timeout')) * 1_000 || CONNECT_TIMEOUT_MS,
    ssl,
  }
  const ours = ['schema', 'connect_timeout', ...(ssl ? TLS_PARAMETERS : [])]
  for (const name of ours) given.delete(name)
  // `sslmode` then means what PostgreSQL's own programs take it for; left to itself, `pg` differs.
  given.set('uselibpqcompat', 'true')
  return { ...address, url: `${place}?${given}` }
}

/** `sslrootcert=system`: the host is always verified, as anybody can have a certificate of those. */
function readSystemTls(given: URLSearchParams): Address['ssl'] {
  const cert = given.get('sslcert')
  const key = given.get('sslkey')
  return {
    ca: readAuthorities(),
    ...(cert && { cert: readFileSync(cert, 'utf8') }),
    ...(key && { key: readFileSync(key, 'utf8') }),
  }
}

function readAuthorities(): string[] {
  const { getCACertificates } = tls as { getCACertificates?: (kind: string) => string[] }
  const known = getCACertificates?.('system')
  if (known && known.length > 0) return known
  const file = AUTHORITY_FILES.find((path) => existsSync(path))
  return file === undefined ? [...tls.rootCertificates] : [readFileSync(file, 'utf8')]
}
