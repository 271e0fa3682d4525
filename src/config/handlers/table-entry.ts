import type { TableOptions } from '../../handlers/built-in/built-in-options.ts'
import { WrongValue } from '../wrong-value.ts'
import type { OpenEntry } from './open-entry.ts'

/** One with the folder of a socket, `postgres://user@/database?host=/run/…`, is no URL by the standard. */
const POSTGRES = /^postgres(ql)?:\/\/\S+$/
const NAME = /^([a-z_][a-z0-9_]{0,39}\.)?[a-z_][a-z0-9_]{0,39}$/i

/** What an entry with `table` says; undefined, with problems, when something in it is wrong. */
export function readTableEntry({
  given,
  attempt,
  readSecret,
}: OpenEntry): TableOptions | undefined {
  const url = attempt('table.url', () => readTableUrl(readSecret(given.table?.url ?? '')))
  const name = attempt('table.name', () => readTableName(given.table?.name ?? ''))
  return url && name ? { url, name } : undefined
}

/** No message shows it: it may hold a password. */
function readTableUrl(text: string): string {
  const address = text.trim()
  if (POSTGRES.test(address)) return address
  if (URL.canParse(address) && /^https?:$/.test(new URL(address).protocol)) return address
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
