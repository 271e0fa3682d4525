import type { Command } from 'commander'
import { reachableName } from '../address.ts'
import type { ProcessJson } from '../admin/api/stats-schema.ts'
import { type AdminAddress, readAdminAddress } from '../config/given-settings.ts'
import { type AdminClient, createAdminClient, type Query } from './admin-client.ts'
import { type CommandContext, readAdminUrl, readWholeNumber, wrongSettings } from './command.ts'
import { readSecret } from './command-settings.ts'
import { createProgress } from './progress.ts'
import { printRows, type Rows } from './table.ts'
import { formatInstant, printAnswer, safeText, writeText } from './terminal.ts'

/** Adds what every command needs that speaks to a running receiver. */
export function addAdminOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the receiver’s settings in YAML (default: CONFIG_FILE)')
    .option('--admin-url <url>', 'its admin listener (default: as its settings say)', readAdminUrl)
    .option('--password-file <path>', 'file with its password (default: ADMIN_PASSWORD)')
    .option('--json', 'print JSON, for machines')
}

/** Speaks to the receiver whose settings the command was given, or to the one at `--admin-url`. */
export async function connect(context: CommandContext): Promise<AdminClient> {
  return createAdminClient(await findReceiver(context))
}

/** Likewise, for what cannot be taken back: says first which receiver it is, on the standard error. */
export async function connectToChange(context: CommandContext): Promise<AdminClient> {
  const receiver = await findReceiver(context)
  const client = createAdminClient(receiver)
  const { version, store, counting_since: since } = await client.get<ProcessJson>('/api/process')
  const name = `Receiver at ${receiver.url}: version ${version}, store ${store}, up since ${formatInstant(since)} UTC.`
  await writeText(context.stderr, `${safeText(name)}\n`)
  return client
}

interface Work<Answer> {
  readonly path: string
  readonly request?: Readonly<Record<string, string>>
  readonly describe: (answer: Answer) => string
  /** Throws when what came of it is not what was wanted. */
  readonly judge?: (answer: Answer) => void
}

/**
 * Makes it a command that has a receiver do what may take long, and cannot be taken back: it names the
 * receiver first, shows how far it is, and prints what came of it. `plan` may get an argument.
 */
export function workCommand<Answer extends object>(
  context: CommandContext,
  command: Command,
  plan: (argument: string) => Work<Answer>,
): Command {
  refuseSecondFilters(command)
  return addAdminOptions(command).action(async (argument: string) => {
    const { path, request = {}, describe, judge } = plan(argument)
    const client = await connectToChange(context)
    const progress = createProgress(context)
    const answer = await client.work<Answer>(path, request, progress.show).finally(progress.clear)
    await printAnswer(context, answer, () => describe(answer))
    judge?.(answer)
  })
}

/** The last one would count alone, of two handlers for example: half of what was asked for. */
function refuseSecondFilters(command: Command): void {
  for (const option of command.options) {
    let isGiven = false
    command.on(`option:${option.name()}`, () => {
      if (isGiven) command.error(`error: option '${option.flags}' is given twice: give it once`)
      isGiven = true
    })
  }
}

async function findReceiver({ env, options, stopped }: CommandContext) {
  const { adminUrl, passwordFile: file } = options
  const address = adminUrl === undefined ? readAdminAddress(env) : undefined
  const isGiven = adminUrl !== undefined || file !== undefined
  const given = isGiven ? await readSecret({ name: 'ADMIN_PASSWORD', file }, env) : undefined
  const password = isGiven ? given : address?.password
  return { url: adminUrl ?? adminUrlOf(address), password, stopped }
}

/** Throws a CommandFailure when nobody listens, or nobody can say where. */
function adminUrlOf(address: AdminAddress | undefined): string {
  if (address && address.port > 0) return listenerUrl(address)
  const reason = address
    ? 'ADMIN_PORT is 0 in these settings: only the receiver’s log says which port it has.'
    : 'ADMIN_PORT is off in these settings: their receiver has no admin API. Give it a port and start it again.'
  throw wrongSettings(
    `${reason} To ask a receiver all the same, say where its admin listener is with --admin-url.`,
  )
}

/** The address under which this machine reaches a listener of its own. */
export function listenerUrl(
  { host, port }: Pick<AdminAddress, 'host' | 'port'>,
  scheme: 'http' | 'https' = 'http',
): string {
  return `${scheme}://${reachableName(host)}:${port}`
}

/** What concerns the command line alone; every other option is a filter of the API. */
const OWN = new Set(['config', 'adminUrl', 'passwordFile', 'json', 'limit', 'all', 'follow'])

/** The filters that a command was given, as the API spells them: `messageId` is `message_id`. */
export function filterOf({ options }: CommandContext): Readonly<Record<string, string>> {
  const given = Object.entries(options).filter(([name]) => !OWN.has(name))
  const fields = given.map(([name, value]) => [
    name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`),
    String(value),
  ])
  return Object.fromEntries(fields)
}

/** For a command that would concern everything without a filter; `which` says so. */
export function needFilter<Filter extends object>(filter: Filter, command: Command, which: string) {
  if (Object.keys(filter).length === 0) command.error(`error: say which ${which}`)
  return filter
}

/** Adds what every command needs that lists what a running receiver has. */
export function addListOptions(command: Command): Command {
  return addAdminOptions(command)
    .option('--limit <n>', 'at most so many rows', readWholeNumber, 50)
    .option('--all', 'all rows, however many')
}

/** Prints the rows of the admin API: a table for people, a JSON line per row for machines. */
export async function printList<Row>(
  context: CommandContext,
  { name, ...rows }: Omit<Rows<Row>, 'pages'> & Pick<ListRequest, 'name'>,
): Promise<void> {
  const { all, limit = MAX_PAGE } = context.options
  const request = { name, query: filterOf(context), limit: all ? Infinity : limit }
  const pages = readPages<Row>(await connect(context), request)
  await printRows({ ...rows, pages }, context)
}

const MAX_PAGE = 500

interface ListRequest {
  /** `events` of `/api/events`; an answer holds its rows under the same name. */
  readonly name: string
  readonly query: Query
  /** `Infinity` for all. */
  readonly limit: number
}

/** Reads rows page by page, newest first; never more than one page in memory. */
export async function* readPages<Row>(
  client: AdminClient,
  { name, query, limit }: ListRequest,
): AsyncGenerator<readonly Row[]> {
  let left = limit
  let cursor: string | undefined
  while (left > 0) {
    const page = await client.get<Readonly<Record<string, unknown>>>(`/api/${name}`, {
      ...query,
      limit: Math.min(left, MAX_PAGE),
      cursor,
    })
    const rows = page[name] as readonly Row[]
    yield rows
    left -= rows.length
    // A page may be empty because time was up: then its cursor goes on.
    if (typeof page.cursor !== 'string') return
    cursor = page.cursor
  }
}
