import { CommandFailure } from '../command-failure.ts'
import { explainRefusal, explainSilence, type Fields } from './api-refusal.ts'
import type { WebhookApi } from './webhook-api.ts'

export const MAILINGAPI_API_URL = 'https://api.mailingapi.com'

export interface MailingApiOptions {
  readonly token: string
  readonly apiUrl: string
  readonly stopped: AbortSignal
}

const TIMEOUT_MS = 10_000

/** MailingAPI's webhooks; there is no SDK. */
export function createMailingApi({ token, apiUrl, stopped }: MailingApiOptions): WebhookApi {
  const collection = `${apiUrl.replace(/\/+$/, '')}/v1/webhooks`

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
      signal: AbortSignal.any([stopped, AbortSignal.timeout(TIMEOUT_MS)]),
    } as const
    const answer = await fetch(url, request).catch((error: unknown) => {
      throw explainSilence(apiUrl, error)
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
  if (typeof body === 'object' && body !== null) return body as Fields
  throw new CommandFailure('What answers there is no MailingAPI. Check --api-url.')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
