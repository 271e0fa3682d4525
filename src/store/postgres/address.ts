import { existsSync, readFileSync } from 'node:fs'
import * as tls from 'node:tls'

/** Where the database is. A function, because a password may be changed while we run. */
export type ReadUrl = () => string

/** What a URL says, apart from what the driver reads of it. */
export interface Address {
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
