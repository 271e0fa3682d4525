import type { Command } from 'commander'
import type { ProcessJson } from '../admin/api/stats-schema.ts'
import { type AdminAddress, readAdminAddress } from '../config/admin-address.ts'
import { type AdminClient, createAdminClient } from './admin-client.ts'
import { type CommandContext, CommandFailure, EXIT_CODES, reachableUrl } from './command.ts'
import { readSecret } from './command-settings.ts'
import { formatInstant } from './figures.ts'
import { createProgress } from './progress.ts'
import { readAdminUrl } from './read-options.ts'
import { safeText, writeText } from './terminal.ts'

export interface AdminOptions {
  readonly config?: string
  readonly adminUrl?: string
  readonly passwordFile?: string
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

/**
 * Has a receiver do what may take long, and cannot be taken back: names it first, shows how far it is,
 * and prints what came of it. Answers that.
 */
export async function workOn<Answer extends object>(
  work: {
    readonly path: string
    readonly request: Readonly<Record<string, string>>
    readonly describe: (answer: Answer) => string
  },
  options: AdminOptions & { readonly json?: boolean },
  context: CommandContext,
): Promise<Answer> {
  const client = await connectToChange(options, context)
  const progress = createProgress(context)
  const answer = await client
    .work<Answer>(work.path, work.request, progress.show)
    .finally(progress.clear)
  const text = options.json ? JSON.stringify(answer) : work.describe(answer)
  await writeText(context.stdout, `${text}\n`)
  return answer
}

async function findReceiver(
  { config, adminUrl, passwordFile }: AdminOptions,
  { env }: CommandContext,
): Promise<{ readonly url: string; readonly password: string | undefined }> {
  const given = { name: 'ADMIN_PASSWORD', file: passwordFile }
  if (adminUrl !== undefined) return { url: adminUrl, password: await readSecret(given, env) }
  const settings = config === undefined ? env : { ...env, CONFIG_FILE: config }
  const address = readAdminAddress(settings, '.')
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
