import type { MailtrapClient } from 'mailtrap'
import { CommandFailure } from '../command-failure.ts'
import { explainRefusal, explainSilence, type Fields, type Refusal } from './api-refusal.ts'
import type { WebhookApi } from './webhook-api.ts'

export const MAILTRAP_API_URL = 'https://mailtrap.io'

export interface MailtrapApiOptions {
  readonly token: string
  /** Undefined: the short path form, which needs none. */
  readonly account: string | undefined
  readonly apiUrl: string
}

type SdkWebhooks = MailtrapClient['webhooks']
type NewWebhook = Parameters<SdkWebhooks['create']>[0]

/** The SDK knows the path with an account only; this one is then taken out again. */
const ANY_ACCOUNT = '1'

/** Mailtrap's webhooks through its official SDK. */
export async function createMailtrapApi(options: MailtrapApiOptions): Promise<WebhookApi> {
  // Loaded here, so that no other command waits for it.
  const { MailtrapClient: Client } = await import('mailtrap')
  const { token, account, apiUrl } = options
  const client = new Client({ token, accountId: Number(account ?? ANY_ACCOUNT) })
  redirect(client, options)
  const { webhooks } = client

  const call = async <Answer>(
    request: () => Promise<{ data: Answer }>,
    id?: string,
  ): Promise<Answer> => {
    try {
      return (await request()).data
    } catch (error) {
      if (error instanceof CommandFailure) throw error
      const refusal = findRefusal(error)
      if (!refusal) throw explainSilence(apiUrl, error)
      const tokenName = 'MAILTRAP_API_TOKEN'
      throw explainRefusal(refusal, { provider: 'Mailtrap', tokenName, account, id })
    }
  }

  return {
    changeTo: { paused: { active: false }, active: { active: true } },
    list: () => call(() => webhooks.getList()),
    get: (id) => call(() => webhooks.get(readId(id)), id),
    create: async (fields) => {
      const created = await call(() => webhooks.create(fields as NewWebhook))
      const { signing_secret: secret, ...webhook } = created
      return { webhook, secret }
    },
    update: (id, changes) => call(() => webhooks.update(readId(id), changes), id),
    delete: (id) => call(() => webhooks.delete(readId(id)), id),
  }
}

/**
 * The SDK has the host built in. Its HTTP client is a private field: the version is pinned, and a
 * test runs every call against another address in both path forms.
 */
function redirect(client: MailtrapClient, { account, apiUrl }: MailtrapApiOptions): void {
  const http: SdkHttp | undefined = Reflect.get(client, 'axios')
  if (http?.interceptors?.request === undefined) {
    throw new CommandFailure(
      'This version of the mailtrap package cannot be told where the API is. Install the locked versions: npm ci.',
    )
  }
  const base = apiUrl.replace(/\/+$/, '')
  http.interceptors.request.use((request) => {
    const { pathname } = new URL(request.url ?? '', MAILTRAP_API_URL)
    const path = account === undefined ? pathname.replace(/\/accounts\/\d+/, '') : pathname
    return { ...request, url: `${base}${path}` }
  })
}

interface SdkHttp {
  readonly interceptors?: {
    readonly request?: { use(change: (request: SdkRequest) => SdkRequest): void }
  }
}

interface SdkRequest {
  readonly url?: string
}

function readId(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new CommandFailure(`Mailtrap's webhooks have numbers, and ${text} is none.`, {
    exitCode: 2,
  })
}

/** What the API answered; undefined: nothing. */
function findRefusal(error: unknown): Refusal | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  const response: SdkResponse | undefined =
    cause instanceof Error ? Reflect.get(cause, 'response') : undefined
  if (response?.status === undefined) return undefined
  const retryAfter = response.headers?.['retry-after']
  return {
    status: response.status,
    body: response.data,
    retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
  }
}

interface SdkResponse {
  readonly status?: number
  readonly data?: Fields
  readonly headers?: Fields
}
