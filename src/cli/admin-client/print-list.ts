import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Command, InvalidArgumentError } from 'commander'
import ndjson from 'ndjson'
import type { CommandContext } from '../command-context.ts'
import { createPaint } from '../terminal/paint.ts'
import { type Column, createTable } from '../terminal/table.ts'
import { writeText } from '../terminal/write-text.ts'
import { type AdminOptions, connect } from './connect.ts'
import { type ListRequest, readPages } from './read-pages.ts'

export interface ListOptions extends AdminOptions {
  readonly limit: number
  readonly all?: boolean
  readonly json?: boolean
}

export interface ListPrint<Row> extends Omit<ListRequest, 'limit'> {
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

/** For options that take a whole number from 1. */
export function readWholeNumber(text: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number > 0) return number
  throw new InvalidArgumentError('Give a whole number from 1.')
}
