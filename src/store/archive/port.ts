import type { Awaitable } from '../store.ts'
import type { SearchWindow } from './search-windows.ts'

/** The events of a window that may have this recipient, in lower case, or this message. */
export type FindLookups = (
  wanted: Readonly<Record<'recipient' | 'messageId', string | undefined>>,
  window: SearchWindow,
) => number[]

/** What an engine gives so that its tables can be read. */
export interface ArchivePort {
  /** `?` stands for a value. Numbers come back as numbers, bytes as Uint8Array. */
  readonly query: <Row>(sql: string, values?: readonly unknown[]) => Awaitable<readonly Row[]>
  /** One snapshot for all that `work` reads. */
  readonly inSnapshot: <Result>(
    work: (query: ArchivePort['query']) => Awaitable<Result>,
  ) => Promise<Result>
  readonly engine: 'sqlite' | 'postgres'
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The keys, of 16 bytes, under which an event with this id of its provider's may be known. */
  readonly keysOf: (eventId: string) => readonly Uint8Array[]
  /** The events that have these keys, where `keys` is no table. */
  readonly findByKeys?: (keys: readonly Uint8Array[]) => readonly number[]
  /** Where no index leads to recipients and messages. */
  readonly findLookups?: FindLookups
}

/** What the reads of one snapshot have. */
export type Reading = Omit<ArchivePort, 'inSnapshot'>

/** Part of a WHERE clause, with its values. */
export interface Condition {
  readonly sql: string
  readonly values: readonly unknown[]
}

/** The column has one of these numbers, or texts. */
export function isAmong(
  { engine }: Pick<ArchivePort, 'engine'>,
  column: string,
  among: readonly number[] | readonly string[],
): Condition {
  if (engine === 'sqlite') {
    return { sql: `${column} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(among)] }
  }
  const type = typeof among[0] === 'string' ? 'text' : 'bigint'
  return { sql: `${column} = ANY(CAST(? AS ${type}[]))`, values: [among] }
}

/** All of the conditions. */
export function allOf(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.map(({ sql }) => sql).join(' AND '),
    values: conditions.flatMap(({ values }) => values),
  }
}

/** `batchOf`, for a column of event numbers. */
export const sqlBatchOf = (column: string): string => `${column} / 1048576`
