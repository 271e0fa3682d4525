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

/** A statement, run once with each of these lists of values. */
export interface Asked {
  readonly sql: string
  readonly lists: readonly (readonly unknown[])[]
}

/**
 * Work within a transaction, that pauses for every answer. Whoever runs it decides whether that is
 * there at once: SQLite's thread never lets go of the connection in between, a server is awaited.
 */
export type Steps<Result> = Generator<Asked, Result, readonly unknown[]>

/** Numbers come back as numbers, bytes as Uint8Array. */
export function* query<Row>(statement: string | Sql): Steps<readonly Row[]> {
  const { sql, values } = typeof statement === 'string' ? raw(statement) : statement
  return (yield { sql, lists: [values] }) as readonly Row[]
}

/** The same statement for many, on a server in one way to it and back. */
export function* each(sql: string, lists: Asked['lists']): Steps<void> {
  if (lists.length > 0) yield { sql, lists }
}

/** What is known without asking. */
export function* atOnce<Value>(value: Value): Steps<Value> {
  yield* []
  return value
}

/** Whose statements they are. */
export interface OfEngine {
  readonly engine: 'sqlite' | 'postgres'
}

/** The column has one of these numbers, or texts. */
export function isAmong(
  { engine }: OfEngine,
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
  { engine }: OfEngine,
  column: string,
  { patterns, isBytes }: { readonly patterns: readonly string[]; readonly isBytes: boolean },
): Sql {
  if (engine === 'sqlite') return raw('TRUE')
  const text = isBytes ? String.raw`replace(encode(${column}, 'escape'), '\000', '')` : column
  return sql`${raw(text)} ILIKE ANY(CAST(${patterns} AS text[]))`
}

/** `batchOf`, for a column of event numbers. */
export const sqlBatchOf = (column: string): string => `${column} / 1048576`
