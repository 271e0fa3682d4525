import { readPath } from './plain-values.ts'
import { WrongValue } from './wrong-value.ts'

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
  checkTls(parsed.searchParams)
  return url
}

const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full']

/** As PostgreSQL's own programs, but for the modes with which one cannot say what is on the wire. */
function checkTls(parameters: URLSearchParams): void {
  const mode = parameters.get('sslmode')
  if (mode !== null && !SSL_MODES.includes(mode)) {
    throw new WrongValue(
      `asks for sslmode=${mode.slice(0, 20)}`,
      `Give one of ${SSL_MODES.join(', ')}.`,
    )
  }
  if (mode === 'verify-ca' && !parameters.has('sslrootcert')) {
    throw new WrongValue(
      'asks for sslmode=verify-ca without an authority to verify by',
      'Add sslrootcert=<file>, or use verify-full, which knows the public ones.',
    )
  }
}

/** The files with certificates that its parameters name. */
export function findTlsFiles(url: string): string[] {
  return ['sslrootcert', 'sslcert', 'sslkey'].flatMap(
    (name) => parse(url)?.searchParams.get(name) ?? [],
  )
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
