import type { Command } from 'commander'
import type { ProcessJson } from '../admin/api/stats-schema.ts'
import { type AdminAddress, readAdminAddress } from '../config/admin-address.ts'
import { type AdminClient, createAdminClient, type Query } from './admin-client.ts'
import {
  type CommandContext,
  CommandFailure,
  EXIT_CODES,
  reachableUrl,
  readAdminUrl,
  readWholeNumber,
} from './command.ts'
import { readSecret } from './command-settings.ts'
import { formatInstant } from './figures.ts'
import { createProgress } from './progress.ts'
import { type Column, printRows } from './table.ts'
import { printAnswer, safeText, writeText } from './terminal.ts'

export interface AdminOptions {
  readonly adminUrl?: string
  readonly passwordFile?: string
  readonly json?: boolean
}

/** Adds what every command needs that speaks to a running receiver. */
export function addAdminOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the receiver’s settings in YAML (default: CONFIG_FILE)')
    .option('--admin-url <url>', 'its admin listener (default: as its settings say)', readAdminUrl)
    .option('--password-file <path>', 'file with its password (default: ADMIN_PASSWORD)')
    .option('--json', 'print JSON, for machines')
}

/** Speaks to the receiver whose settings the command was given, or to the one at `--admin-url`. */
export async function connect(
  options: AdminOptions,
  context: CommandContext,
): Promise<AdminClient> {
  return createAdminClient({ ...(await findReceiver(options, context)), stopped: context.stopped })
}

/** Likewise, for what cannot be taken back: says first which receiver it is, on the standard error. */
export async function connectToChange(
  options: AdminOptions,
  context: CommandContext,
): Promise<AdminClient> {
  const receiver = await findReceiver(options, context)
  const client = createAdminClient({ ...receiver, stopped: context.stopped })
  const { version, store, counting_since: since } = await client.get<ProcessJson>('/api/process')
  const name = `Receiver at ${receiver.url}: version ${version}, store ${store}, up since ${formatInstant(since)} UTC.`
  await writeText(context.stderr, `${safeText(name)}\n`)
  return client
}

interface Work<Answer> {
  readonly path: string
  readonly request?: Readonly<Record<string, string>>
  readonly describe: (answer: Answer) => string
}

/**
 * Has a receiver do what may take long, and cannot be taken back: names it first, shows how far it is,
 * and prints what came of it. Answers that.
 */
export async function workOn<Answer extends object>(
  { path, request = {}, describe }: Work<Answer>,
  options: AdminOptions,
  context: CommandContext,
): Promise<Answer> {
  const client = await connectToChange(options, context)
  const progress = createProgress(context)
  const answer = await client.work<Answer>(path, request, progress.show).finally(progress.clear)
  await printAnswer({ answer, describe: () => describe(answer) }, options, context)
  return answer
}

async function findReceiver(
  { adminUrl, passwordFile }: AdminOptions,
  { env }: CommandContext,
): Promise<{ readonly url: string; readonly password: string | undefined }> {
  const given = { name: 'ADMIN_PASSWORD', file: passwordFile }
  if (adminUrl !== undefined) return { url: adminUrl, password: await readSecret(given, env) }
  const address = readAdminAddress(env, '.')
  const password = passwordFile === undefined ? address?.password : await readSecret(given, env)
  return { url: adminUrlOf(address), password }
}

/** Throws a CommandFailure when nobody listens, or nobody can say where. */
function adminUrlOf(address: AdminAddress | undefined): string {
  if (address && address.port > 0) return listenerUrl(address)
  const reason = address
    ? 'ADMIN_PORT is 0 in these settings: only the receiver’s log says which port it has.'
    : 'ADMIN_PORT is off in these settings: their receiver has no admin API. Give it a port and start it again.'
  throw new CommandFailure(
    `${reason} To ask a receiver all the same, say where its admin listener is with --admin-url.`,
    { exitCode: EXIT_CODES.configuration },
  )
}

/** The address under which this machine reaches a listener of its own. */
export function listenerUrl(
  { host, port }: Pick<AdminAddress, 'host' | 'port'>,
  scheme: 'http' | 'https' = 'http',
): string {
  return reachableUrl(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`)
}

/** Of the options those with these names, as the API spells them: `messageId` is `message_id`. */
export function filterOf(options: object, names: readonly string[]): Record<string, string> {
  const given = Object.entries(options).filter(([name]) => names.includes(name))
  const fields = given.map(([name, value]) => [
    name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`),
    String(value),
  ])
  return Object.fromEntries(fields)
}

export interface ListOptions extends AdminOptions {
  readonly limit: number
  readonly all?: boolean
}

/** Adds what every command needs that lists what a running receiver has. */
export function addListOptions(command: Command): Command {
  return addAdminOptions(command)
    .option('--limit <n>', 'at most so many rows', readWholeNumber, 50)
    .option('--all', 'all rows, however many')
}

interface ListPrint<Row> extends Omit<ListRequest, 'limit'> {
  readonly columns: readonly Column<Row>[]
  /** What to say when there are no rows. */
  readonly whenEmpty: string
}

/** Prints the rows of the admin API: a table for people, a JSON line per row for machines. */
export async function printList<Row>(
  { columns, whenEmpty, ...list }: ListPrint<Row>,
  options: ListOptions,
  context: CommandContext,
): Promise<void> {
  const limit = options.all ? Number.POSITIVE_INFINITY : options.limit
  const pages = readPages<Row>(await connect(options, context), { ...list, limit })
  await printRows({ columns, pages, whenEmpty }, options, context)
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
