import { DEFAULT_PROVIDER, PROVIDER_NAMES, type ProviderName, type SecretForm } from '../model.ts'
import { type BodyFormat, packBatch, signBatch } from '../providers/outgoing-batch.ts'
import { PROVIDERS } from '../providers/providers.ts'

/** Signs requests when no other secret is given. */
export const SAMPLE_SECRET = '5e1f0c8a9b7d4e23a6f1c0d98b7e4f52'

/** How `signedRequest` packs and signs events. */
export interface SignedRequestOptions {
  /** Default: that of the first event. */
  readonly provider?: ProviderName
  /** Default: the provider's name. */
  readonly source?: string
  /** Default: `SAMPLE_SECRET`. */
  readonly secret?: string
  /** MailingAPI only. Default `raw`. */
  readonly secretForm?: SecretForm
  /**
   * `json`: `{"events":[…]}`, what Mailtrap sends by default. `single`: one bare event, what
   * MailingAPI sends and its default here.
   */
  readonly format?: 'json' | 'jsonlines' | 'array' | 'single'
  /** Time of signing, MailingAPI only. Default: now. */
  readonly signedAt?: Date
  /** Spoils the request after signing: it must be refused. */
  readonly tamper?: 'signature' | 'body'
}

/** For `fetch(new URL(request.url, base), request)` and for Fastify's `inject(request)`. */
export interface SignedRequest {
  readonly method: 'POST'
  /** Path on the receiver: `/webhooks/<source>`. */
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: Buffer<ArrayBuffer>
}

const FORMATS: Readonly<Record<NonNullable<SignedRequestOptions['format']>, BodyFormat>> = {
  json: 'json',
  jsonlines: 'jsonl',
  array: 'array',
  single: 'object',
}

/** A request as a provider would make it. An event given as text goes out exactly as it is. */
export function signedRequest(
  events: object | string | readonly (object | string)[],
  options: SignedRequestOptions = {},
): SignedRequest {
  const list: readonly unknown[] = Array.isArray(events) ? events : [events]
  const texts = list.map((event) => (typeof event === 'string' ? event : JSON.stringify(event)))
  const { provider = guessProvider(texts[0]), secret = SAMPLE_SECRET, secretForm = 'raw' } = options
  const format = options.format ?? PROVIDERS[provider].requests.format
  if (format === 'single' && texts.length !== 1) {
    throw new TypeError('signedRequest: the format `single` takes exactly one event.')
  }
  const batch = packBatch(texts, FORMATS[format])
  const now = options.signedAt?.getTime() ?? Date.now()
  const signed = signBatch(PROVIDERS[provider], batch, { secrets: [secret], secretForm, now })
  const { body } = batch
  return {
    method: 'POST',
    url: `/webhooks/${options.source ?? provider}`,
    headers: options.tamper === 'signature' ? spoilSignature(signed) : signed,
    body: options.tamper === 'body' ? Buffer.concat([body, Buffer.from('\n')]) : body,
  }
}

/** The first provider whose field for an event's name is there; Mailtrap when none is. */
export function guessProvider(text: string | undefined): ProviderName {
  const event = parseOrNothing(text)
  if (typeof event !== 'object' || event === null) return DEFAULT_PROVIDER
  return PROVIDER_NAMES.find((name) => PROVIDERS[name].nameField in event) ?? DEFAULT_PROVIDER
}

function parseOrNothing(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

/** Changes the last hex digit: the shape stays right. */
function spoilSignature(headers: Readonly<Record<string, string>>): Record<string, string> {
  const spoil = (text: string) => text.slice(0, -1) + (text.endsWith('0') ? '1' : '0')
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      name === 'content-type' ? value : spoil(value),
    ]),
  )
}
