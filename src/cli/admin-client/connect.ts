import { type Command, InvalidArgumentError } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure, EXIT_CODES } from '../command-failure.ts'
import { readSecret } from '../read-secret.ts'
import { type AdminClient, createAdminClient } from './admin-client.ts'

export interface AdminOptions {
  readonly adminUrl: string
  readonly passwordFile?: string
}

/** Adds what every command needs that speaks to a running receiver. */
export function addAdminOptions(command: Command): Command {
  return command
    .option('--admin-url <url>', 'admin listener', readAdminUrl, 'http://127.0.0.1:3001')
    .option('--password-file <path>', 'file with its password (default: ADMIN_PASSWORD)')
    .option('--json', 'print JSON, for machines')
}

export async function connect(
  { adminUrl, passwordFile }: AdminOptions,
  context: CommandContext,
): Promise<AdminClient> {
  const password = await readSecret({ name: 'ADMIN_PASSWORD', file: passwordFile }, context.env)
  return createAdminClient({ url: adminUrl, password, stopped: context.stopped })
}

/** For options that take an address. */
export function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text
  throw new InvalidArgumentError('Give an address such as http://127.0.0.1:3001.')
}

/** The admin listener's. A password in it would end up in messages. */
export function readAdminUrl(text: string): string {
  return readBareUrl(text, '--admin-url', 'the password with --password-file or ADMIN_PASSWORD')
}

/** Without user and password, for which there is another `way`. Commander would repeat the text. */
export function readBareUrl(text: string, option: string, way: string): string {
  if (!text.includes('@')) return readUrl(text)
  throw new CommandFailure(`${option} takes no user and password. Give ${way}.`, {
    exitCode: EXIT_CODES.usage,
  })
}
