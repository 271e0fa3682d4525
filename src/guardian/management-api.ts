import type { MailtrapClient } from 'mailtrap'
import { isObject } from '../providers/read-value.ts'
import { createEmailLog, readTokenExpiry } from './email-log.ts'
import {
  type ApiRefusal,
  explainRefusal,
  type Fields,
  ManagementFailure,
} from './management-failure.ts'

/** A provider's management API of webhooks. Every call rejects with a ManagementFailure. */
export interface ManagementApi {
  /** As the provider shows them. */
  list(): Promise<readonly Fields[]>
  get(id: string): Promise<Fields>
  /** The only answer with the secret. */
  create(fields: Fields): Promise<CreatedWebhook>
  update(id: string, changes: Fields): Promise<Fields>
  /** Answers the deleted webhook, where the provider does. */
  delete(id: string): Promise<Fields | undefined>
  /** The change that pauses a webhook or lets it go on. */
  readonly changeTo: Readonly<Record<'paused' | 'active', Fields>>
}

export interface CreatedWebhook {
  /** Without the secret. */
  readonly webhook: Fields
  readonly secret: string
}

export interface MailtrapApi extends ManagementApi, ReturnType<typeof createEmailLog> {
  /** The provider's clock at its last answer, milliseconds since 1970; undefined: not told. */
  clock(): number | undefined
  /**
   * When the token with which it is asked ends, milliseconds since 1970. Undefined: never, or the
   * provider does not tell this token. Never rejects.
   */
  tokenExpiry(): Promise<number | undefined>
}

export interface ManagementAccess {
  /** `https://mailtrap.io` */
  readonly url: string
  readonly token: string
  /** With one, the paths name it; without, the short ones are used. */
  readonly accountId: string | undefined
}

interface MailtrapApiOptions extends ManagementAccess {
  /** For one answer. Default 10,000. */
  readonly timeoutMs?: number
  /** Cuts what is under way. */
  readonly signal: AbortSignal
}

type NewWebhook = Parameters<MailtrapClient['webhooks']['create']>[0]

/** The SDK knows the path with an account only; this one is then taken out again. */
const ANY_ACCOUNT = '1'

/** Takes 0.15 s of the thread's time at once: nobody should wait for an answer of it meanwhile. */
export const loadSdk = () => import('mailtrap')

/** Mailtrap's, through its official SDK. Only guardian, `webhooks` and `doctor` pay for loading that. */
export function createMailtrapApi(options: MailtrapApiOptions): MailtrapApi {
  const { token, accountId, url } = options
  let date: string | undefined
  const opened = openSdk()
  // Told by the call that needs it.
  opened.catch(() => {})

  async function openSdk(): Promise<MailtrapClient> {
    const { MailtrapClient: Client } = await loadSdk()
    const client = new Client({ token, accountId: Number(accountId ?? ANY_ACCOUNT) })
    direct(client, options, (headers) => {
      date = typeof headers['date'] === 'string' ? headers['date'] : undefined
    })
    return client
  }

  async function call<Answer>(
    ask: (client: MailtrapClient) => Promise<Answer>,
    id?: string,
  ): Promise<Answer> {
    try {
      return await ask(await opened)
    } catch (error) {
      const refusal = findRefusal(error)
      if (!refusal) throw ManagementFailure.from(error, url)
      const tokenName = 'MAILTRAP_API_TOKEN'
      throw explainRefusal(refusal, { provider: 'Mailtrap', tokenName, account: accountId, id })
    }
  }

  return {
    changeTo: { paused: { active: false }, active: { active: true } },
    async list() {
      const { data }: { data: unknown } = await call(({ webhooks }) => webhooks.getList())
      if (Array.isArray(data)) return data.filter(isObject)
      const text = `What answers at ${url} has no list of webhooks. Check the API's address.`
      throw new ManagementFailure('unreadable', text)
    },
    get: async (id) => (await call(({ webhooks }) => webhooks.get(Number(id)), id)).data,
    async create(fields) {
      const { data } = await call(({ webhooks }) => webhooks.create(fields as NewWebhook))
      const { signing_secret: secret, ...webhook } = data
      return { webhook, secret }
    },
    update: async (id, changes) =>
      (await call(({ webhooks }) => webhooks.update(Number(id), changes), id)).data,
    delete: async (id) => (await call(({ webhooks }) => webhooks.delete(Number(id)), id)).data,
    ...createEmailLog(call, url),
    tokenExpiry: () => readTokenExpiry(opened, { accountId, token }),
    clock: () => (date === undefined ? undefined : Date.parse(date) || undefined),
  }
}

/**
 * Tells the SDK where to ask, how long to wait, and when to stop; hands on the headers of answers. It
 * has the host built in, and its HTTP client is a private field: the version is pinned, and a test
 * runs every call against another address in both path forms.
 */
function direct(
  client: MailtrapClient,
  { accountId, url, timeoutMs = 10_000, signal }: MailtrapApiOptions,
  onHeaders: (headers: Fields) => void,
): void {
  const http: SdkHttp | undefined = Reflect.get(client, 'axios')
  if (http?.interceptors?.request === undefined) {
    throw new ManagementFailure(
      'unreadable',
      'This version of the mailtrap package cannot be told where the API is. Install the locked versions: npm ci.',
    )
  }
  const base = url.replace(/\/+$/, '')
  http.interceptors.request.use((request) => {
    const { pathname } = new URL(request.url ?? '', base)
    const path = accountId === undefined ? pathname.replace(/\/accounts\/\d+/, '') : pathname
    const { transformResponse = [] } = request
    const readHeaders = (body: unknown, headers: Fields) => {
      onHeaders(headers)
      return body
    }
    return {
      ...request,
      url: `${base}${path}`,
      timeout: timeoutMs,
      signal,
      // Followed, a redirect would carry the token to wherever it leads.
      maxRedirects: 0,
      transformResponse: [...[transformResponse].flat(), readHeaders],
    }
  })
}

interface SdkHttp {
  readonly interceptors?: {
    readonly request?: { use(change: (request: SdkRequest) => SdkRequest): void }
  }
}

interface SdkRequest {
  readonly url?: string
  readonly transformResponse?: unknown
}

/** What the API answered; undefined: nothing. */
function findRefusal(error: unknown): ApiRefusal | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  const { response }: SdkFailure = Object(cause)
  if (response?.status === undefined) return undefined
  const { status, data: body, headers } = response
  return { status, body, retryAfter: readText(headers?.['retry-after']) }
}

interface SdkFailure {
  readonly response?: {
    readonly status?: number
    readonly data?: unknown
    readonly headers?: Fields
  }
}

/** A webhook as the provider has it. Answers are read leniently: anything but the id may be missing. */
export interface ProviderWebhook {
  readonly id: number
  /** May hold a token and credentials: never to be shown whole. */
  readonly url: string
  readonly isActive: boolean
  readonly type: string | undefined
  readonly format: string | undefined
  readonly eventTypes: readonly string[]
}

/** What the provider's list says of each; what has no id is none. */
export function readWebhooks(list: readonly Fields[]): ProviderWebhook[] {
  return list.flatMap(({ id, event_types: types, ...entry }) => {
    if (typeof id !== 'number') return []
    const names = Array.isArray(types) ? types.filter((name) => typeof name === 'string') : []
    return {
      id,
      url: readText(entry.url) ?? '',
      isActive: entry.active !== false,
      type: readText(entry.webhook_type),
      format: readText(entry.payload_format),
      eventTypes: names.sort(),
    }
  })
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
