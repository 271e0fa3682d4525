import { type Command, Option } from 'commander'
import { readSome } from '../../config/given-settings.ts'
import { readWebUrl } from '../../config/plain-values.ts'
import { ProblemList } from '../../config/problems.ts'
import {
  createMailtrapApi,
  type ManagementAccess,
  type ManagementApi,
} from '../../guardian/management-api.ts'
import {
  explainRefusal,
  type Fields,
  ManagementFailure,
} from '../../guardian/management-failure.ts'
import { PROVIDER_NAMES, type ProviderName } from '../../model.ts'
import { isObject } from '../../providers/read-value.ts'
import {
  bareUrlReader,
  type CommandContext,
  CommandFailure,
  readerOf,
  wrongSettings,
} from '../command.ts'
import { readSecret } from '../command-settings.ts'

export interface ApiOptions {
  readonly provider: ProviderName
  readonly account?: string
  readonly apiUrl?: string
  readonly tokenFile?: string
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
    .option('--config <file>', 'the receiver’s settings in YAML (default: CONFIG_FILE)')
    .option('--token-file <path>', 'file with the API token')
    .option('--json', 'print JSON, for machines')
}

/** The provider's management API, with the token of the settings or of a file. */
export async function connectApi(
  options: ApiOptions,
  { env, stopped: signal }: CommandContext,
): Promise<ManagementApi> {
  const { provider, tokenFile: file, apiUrl } = options
  if (provider === 'mailingapi') {
    const token = await readSecret({ name: 'MAILINGAPI_API_TOKEN', file }, env)
    const url = apiUrl ?? readMailingApiUrl(env)
    return createMailingApi({ token: needToken(token, provider), url, signal })
  }
  const settings = readSome(['MAILTRAP_ACCOUNT_ID', 'MAILTRAP_API_URL'], env)
  const token =
    file === undefined
      ? readSome(['MAILTRAP_API_TOKEN'], env).MAILTRAP_API_TOKEN
      : await readSecret({ name: 'MAILTRAP_API_TOKEN', file }, env)
  return createMailtrapApi({
    token: needToken(token, provider),
    accountId: options.account ?? settings.MAILTRAP_ACCOUNT_ID,
    url: apiUrl ?? settings.MAILTRAP_API_URL,
    signal,
  })
}

function needToken(text: string | undefined, provider: ProviderName): string {
  const token = text?.trim()
  if (token) return token
  const name = `${provider.toUpperCase()}_API_TOKEN`
  throw wrongSettings(
    `There is no API token. Set ${name}, or ${name}_FILE to the path of a file that holds it.`,
  )
}

const readApiUrl = bareUrlReader('--api-url', 'the token with --token-file or in the environment')
const readAccount = readerOf('Give the number of the account.', (text) =>
  /^\d{1,15}$/.test(text) ? text : undefined,
)

/** Of the environment, as `MAILTRAP_API_URL` is read. Throws a SettingsError. */
function readMailingApiUrl(env: CommandContext['env']): string {
  const problems = new ProblemList()
  const text = env.MAILINGAPI_API_URL?.trim() || 'https://api.mailingapi.com'
  const url = problems.attempt('MAILINGAPI_API_URL', () => readWebUrl(text))
  problems.throwIfAny([])
  return String(url)
}

const TIMEOUT_MS = 10_000

/** MailingAPI's webhooks; there is no SDK. */
function createMailingApi({
  token,
  url: base,
  signal,
}: Omit<ManagementAccess, 'accountId'> & { readonly signal: AbortSignal }): ManagementApi {
  const collection = `${base.replace(/\/+$/, '')}/v1/webhooks`

  const call = async (method: string, id?: string, body?: Fields): Promise<Fields> => {
    const url = id === undefined ? collection : `${collection}/${encodeURIComponent(id)}`
    const request = {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      body: body ? JSON.stringify(body) : null,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    } as const
    const answer = await fetch(url, request).catch((error: unknown) => {
      throw ManagementFailure.from(error, base)
    })
    return readAnswer(answer, id)
  }

  return {
    changeTo: { paused: { status: 'paused' }, active: { status: 'active' } },
    list: async () => (await call('GET')).data as readonly Fields[],
    get: (id) => call('GET', id),
    create: async (fields) => {
      const { secret, ...webhook } = await call('POST', undefined, fields)
      return { webhook, secret: String(secret) }
    },
    update: (id, changes) => call('PATCH', id, changes),
    delete: async (id) => {
      await call('DELETE', id)
      return undefined
    },
  }
}

async function readAnswer(answer: Response, id: string | undefined): Promise<Fields> {
  const { status, ok } = answer
  const text = await answer.text()
  const body = parse(text)
  if (!ok) {
    const retryAfter = answer.headers.get('retry-after') ?? undefined
    const tokenName = 'MAILINGAPI_API_TOKEN'
    const context = { provider: 'MailingAPI', tokenName, account: undefined, id }
    throw explainRefusal({ status, body: body ?? text, retryAfter }, context)
  }
  if (status === 204) return {}
  if (isObject(body)) return body
  throw new CommandFailure('What answers there is no MailingAPI. Check --api-url.')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
