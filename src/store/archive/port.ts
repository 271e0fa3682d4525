import type { Awaitable } from '../store.ts'

/** Events with these numbers are looked at together: from here on, up to before there. */
export interface SearchWindow {
  readonly from: number
  readonly before: number
}

/** The events of a window that may have this recipient, in lower case, or this message. */
export type FindLookups = (
  wanted: Readonly<Record<'recipient' | 'messageId', string | undefined>>,
  window: SearchWindow,
) => number[]

/** `?` stands for a value. Numbers come back as numbers, bytes as Uint8Array. */
export type ReadQuery = <Row>(sql: string, values?: readonly unknown[]) => Awaitable<readonly Row[]>

/** What an engine gives so that its tables can be read. */
export interface ArchivePort {
  /** One snapshot for all that `work` reads. */
  readonly inSnapshot: <Result>(work: (query: ReadQuery) => Awaitable<Result>) => Promise<Result>
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
export interface Reading extends Omit<ArchivePort, 'inSnapshot'> {
  readonly query: <Row>(
    statement: string | Sql,
    values?: readonly unknown[],
  ) => Promise<readonly Row[]>
}

export const readingWith =
  (query: ReadQuery): Reading['query'] =>
  async (statement, values) =>
    typeof statement === 'string'
      ? await query(statement, values)
      : await query(statement.sql, statement.values)

/** A statement or a part of one, with its values: `?` stands for each. */
export interface Sql {
  readonly sql: string
  readonly values: readonly unknown[]
}

/** What stands in it in `${…}` is put in as it is if it is SQL itself, else it is a value. */
export function sql(texts: readonly string[], ...parts: readonly unknown[]): Sql {
  const all = parts.map((part) => (isSql(part) ? part : { sql: '?', values: [part] }))
  return {
    sql: texts.reduce((before, text, index) => `${before}${all[index - 1]?.sql}${text}`),
    values: all.flatMap(({ values }) => values),
  }
}

/** Text of ours, without values. */
export const raw = (text: string): Sql => ({ sql: text, values: [] })

const isSql = (part: unknown): part is Sql =>
  typeof part === 'object' && part !== null && 'sql' in part && 'values' in part

/** The column has one of these numbers, or texts. */
export function isAmong(
  { engine }: Pick<ArchivePort, 'engine'>,
  column: string,
  among: readonly number[] | readonly string[],
): Sql {
  const name = raw(column)
  if (engine === 'sqlite') {
    return sql`${name} IN (SELECT value FROM json_each(${JSON.stringify(among)}))`
  }
  const type = typeof among[0] === 'string' ? 'text' : 'bigint'
  return sql`${name} = ANY(CAST(${among} AS ${raw(type)}[]))`
}

/** All of those that are given. */
export const allOf = (conditions: readonly (Sql | undefined)[]): Sql =>
  conditions
    .filter((one) => one !== undefined)
    .reduce((all, one) => (all.sql === '' ? one : sql`${all} AND ${one}`), raw(''))

/** At least one of these, of which there is one. */
export const anyOf = (conditions: readonly Sql[]): Sql =>
  sql`(${conditions.reduce((all, one) => sql`${all} OR ${one}`)})`

/**
 * A server looks coarsely, so that only what may hold a trace is sent here to be read; SQLite's rows
 * are here. Of bytes those beyond ASCII become numbers, and the zeros of UTF-16 are left out.
 */
export function mayHold(
  { engine }: Pick<ArchivePort, 'engine'>,
  column: string,
  { patterns, isBytes }: { readonly patterns: readonly string[]; readonly isBytes: boolean },
): Sql {
  if (engine === 'sqlite') return raw('TRUE')
  const text = isBytes ? String.raw`replace(encode(${column}, 'escape'), '\000', '')` : column
  return sql`${raw(text)} ILIKE ANY(CAST(${patterns} AS text[]))`
}

/** `batchOf`, for a column of event numbers. */
export const sqlBatchOf = (column: string): string => `${column} / 1048576`
