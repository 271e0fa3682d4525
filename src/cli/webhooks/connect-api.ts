import { type Command, InvalidArgumentError, Option } from 'commander'
import { PROVIDER_NAMES, type ProviderName } from '../../model.ts'
import { readBareUrl } from '../admin-client/connect.ts'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure, EXIT_CODES } from '../command-failure.ts'
import { readSecret } from '../read-secret.ts'
import { createMailingApi, MAILINGAPI_API_URL } from './mailingapi-api.ts'
import { createMailtrapApi, MAILTRAP_API_URL } from './mailtrap-api.ts'
import type { WebhookApi } from './webhook-api.ts'

export interface ApiOptions {
  readonly provider: ProviderName
  readonly account?: string
  readonly apiUrl?: string
  readonly tokenFile?: string
  readonly json?: boolean
}

/** Adds what every call of a management API needs. */
export function addApiOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--provider <name>', 'whose webhooks').choices(PROVIDER_NAMES).default('mailtrap'),
    )
    .option(
      '--account <id>',
      'Mailtrap account (default: MAILTRAP_ACCOUNT_ID, else that of the token)',
      readAccount,
    )
    .option('--api-url <url>', 'another API than the provider’s, such as a simulator', readApiUrl)
    .option('--token-file <path>', 'file with the API token')
    .option('--json', 'print JSON, for machines')
}

/** The provider's management API, with the token from the environment or a file. */
export async function connectApi(
  options: ApiOptions,
  { env, stopped }: CommandContext,
): Promise<WebhookApi> {
  const { provider, tokenFile } = options
  const name = `${provider.toUpperCase()}_API_TOKEN`
  const token = (await readSecret({ name, file: tokenFile }, env))?.trim()
  if (!token) {
    throw new CommandFailure(
      `There is no API token. Set ${name}, or ${name}_FILE to the path of a file that holds it.`,
      { exitCode: EXIT_CODES.configuration },
    )
  }
  const givenUrl = options.apiUrl ?? env[`${provider.toUpperCase()}_API_URL`]
  if (provider === 'mailingapi') {
    return createMailingApi({ token, apiUrl: givenUrl ?? MAILINGAPI_API_URL, stopped })
  }
  const account = options.account ?? findAccount(env.MAILTRAP_ACCOUNT_ID)
  return createMailtrapApi({ token, account, apiUrl: givenUrl ?? MAILTRAP_API_URL })
}

const ACCOUNT = /^\d{1,15}$/

function findAccount(text: string | undefined): string | undefined {
  if (!text || ACCOUNT.test(text)) return text || undefined
  throw new CommandFailure('MAILTRAP_ACCOUNT_ID is no number. Give the number of the account.', {
    exitCode: EXIT_CODES.configuration,
  })
}

function readApiUrl(text: string): string {
  return readBareUrl(text, '--api-url', 'the token with --token-file or in the environment')
}

function readAccount(text: string): string {
  if (ACCOUNT.test(text)) return text
  throw new InvalidArgumentError('Give the number of the account.')
}
