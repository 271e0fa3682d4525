import { isObject } from '../providers/read-value.ts'
import { describeRefusal, ManagementFailure } from './management-failure.ts'

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

/** What the guardian needs of Mailtrap's management API. Both reject with a ManagementFailure. */
export interface ManagementApi {
  list(): Promise<ProviderWebhook[]>
  /** The provider's clock at its last answer, milliseconds since 1970; undefined: not told. */
  clock(): number | undefined
  /** Switches a paused webhook on again. */
  resume(id: number): Promise<void>
}

export interface ManagementAccess {
  /** `https://mailtrap.io` */
  readonly url: string
  readonly token: string
  /** With one, the paths name it; without, the short ones are used. */
  readonly accountId: string | undefined
}

export interface ManagementApiOptions extends ManagementAccess {
  /** For one answer. Default 10,000. */
  readonly timeoutMs?: number
  /** Cuts what is under way. */
  readonly signal: AbortSignal
}

export function createManagementApi(options: ManagementApiOptions): ManagementApi {
  const { url, token, accountId, signal, timeoutMs = 10_000 } = options
  const account = accountId === undefined ? '' : `/accounts/${accountId}`
  const base = `${url.replace(/\/+$/, '')}/api${account}/webhooks`

  let date: string | null = null

  async function call(path: string, request: { method: string; body?: string }): Promise<unknown> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
    const typed = request.body === undefined ? {} : { 'content-type': 'application/json' }
    try {
      const answer = await fetch(`${base}${path}`, {
        ...request,
        headers: { ...headers, ...typed },
        // Followed, it would carry the token to wherever it leads.
        redirect: 'manual',
        signal: limit,
      })
      const text = await answer.text()
      date = answer.headers.get('date')
      if (answer.status === 200) return parse(text)
      throw describeRefusal(answer.status, answer.headers.get('retry-after'), text)
    } catch (error) {
      throw ManagementFailure.from(error)
    }
  }

  return {
    async list() {
      const answer = await call('', { method: 'GET' })
      const data = isObject(answer) ? answer.data : undefined
      if (!Array.isArray(data)) throw unreadable()
      return data.flatMap((entry) => readWebhook(entry) ?? [])
    },
    clock: () => (date === null ? undefined : Date.parse(date) || undefined),
    async resume(id) {
      await call(`/${id}`, {
        method: 'PATCH',
        body: JSON.stringify({ webhook: { active: true } }),
      })
    },
  }
}

function readWebhook(entry: unknown): ProviderWebhook | undefined {
  if (!isObject(entry) || typeof entry.id !== 'number') return undefined
  const { id, url, active, webhook_type: type, payload_format: format, event_types: types } = entry
  return {
    id,
    url: readText(url) ?? '',
    isActive: active !== false,
    type: readText(type),
    format: readText(format),
    eventTypes: Array.isArray(types) ? types.filter((name) => typeof name === 'string').sort() : [],
  }
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unreadable()
  }
}

function unreadable(): ManagementFailure {
  return new ManagementFailure(
    'unreadable',
    'The management API answered 200 with no list of webhooks. Check MAILTRAP_API_URL.',
  )
}
