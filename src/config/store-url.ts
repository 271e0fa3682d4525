import { readPath } from './plain-values.ts'
import { checkParameters } from './postgres-parameters.ts'
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
