import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import ndjson from 'ndjson'
import type { AdminClient, Query } from './admin-client.ts'
import type { CommandContext } from './command.ts'
import { type AdminOptions, connect } from './connect.ts'
import { readWholeNumber } from './read-options.ts'
import { type Column, createTable } from './table.ts'
import { createPaint, writeText } from './terminal.ts'

export interface ListOptions extends AdminOptions {
  readonly limit: number
  readonly all?: boolean
  readonly json?: boolean
}

interface ListPrint<Row> extends Omit<ListRequest, 'limit'> {
  readonly columns: readonly Column<Row>[]
  /** What to say when there are no rows. */
  readonly whenEmpty: string
}

const DEFAULT_LIMIT = 50

export function addListOptions(command: Command): Command {
  return command
    .option('--limit <n>', 'at most so many rows', readWholeNumber, DEFAULT_LIMIT)
    .option('--all', 'all rows, however many')
}

/** Prints the rows of the admin API: a table for people, a JSON line per row for machines. */
export async function printList<Row>(
  list: ListPrint<Row>,
  options: ListOptions,
  context: CommandContext,
): Promise<void> {
  const limit = options.all ? Number.POSITIVE_INFINITY : options.limit
  const pages = readPages<Row>(await connect(options, context), { ...list, limit })
  if (options.json) await printLines(pages, context)
  else await printTable(list, pages, context)
}

async function printLines<Row>(
  pages: AsyncIterable<readonly Row[]>,
  { stdout }: CommandContext,
): Promise<void> {
  const rows = Readable.from(flatten(pages))
  await pipeline(rows, ndjson.stringify(), stdout, { end: false })
}

async function* flatten<Row>(pages: AsyncIterable<readonly Row[]>): AsyncGenerator<Row> {
  for await (const rows of pages) yield* rows
}

async function printTable<Row>(
  { columns, whenEmpty }: ListPrint<Row>,
  pages: AsyncIterable<readonly Row[]>,
  { stdout, stderr, env }: CommandContext,
): Promise<void> {
  const width = stdout.isTTY ? stdout.columns : undefined
  const format = createTable(columns, { width, paint: createPaint(stdout, env) })
  let count = 0
  for await (const rows of pages) {
    count += rows.length
    if (rows.length > 0) await writeText(stdout, format(rows))
  }
  if (count === 0) await writeText(stderr, `${whenEmpty}\n`)
}

const MAX_PAGE = 500

interface ListRequest {
  readonly path: string
  /** The name under which an answer holds its rows. */
  readonly rowsIn: string
  readonly query?: Query
  /** `Infinity` for all. */
  readonly limit: number
}

/** Reads rows page by page, newest first; never more than one page in memory. */
export async function* readPages<Row>(
  client: AdminClient,
  { path, rowsIn, query = {}, limit }: ListRequest,
): AsyncGenerator<readonly Row[]> {
  let left = limit
  let cursor: string | undefined
  while (left > 0) {
    const page = await client.get<Readonly<Record<string, unknown>>>(path, {
      ...query,
      limit: Math.min(left, MAX_PAGE),
      cursor,
    })
    const rows = page[rowsIn] as readonly Row[]
    yield rows
    left -= rows.length
    // A page may be empty because time was up: then its cursor goes on.
    if (typeof page.cursor !== 'string') return
    cursor = page.cursor
  }
}
