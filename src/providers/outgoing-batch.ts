import type { Source } from '../model.ts'
import type { Provider } from './provider.ts'

/** A body to be signed and sent. */
export interface OutgoingBatch {
  readonly body: Buffer
  readonly contentType: string
  /** Undefined when nobody counted: a file is sent without a look into it. */
  readonly events: number | undefined
}

/** `json` is the envelope `{"events":[…]}`, `object` one event alone. */
export type BodyFormat = 'json' | 'jsonl' | 'array' | 'object'

export const JSON_TYPE = 'application/json'
export const LINES_TYPE = 'application/jsonl'

/** The texts of events as one body. */
export function packBatch(
  events: readonly string[],
  format: BodyFormat,
): OutgoingBatch & { readonly body: Buffer<ArrayBuffer> } {
  const bodies: Readonly<Record<BodyFormat, () => string>> = {
    json: () => `{"events":[${events.join(',')}]}`,
    array: () => `[${events.join(',')}]`,
    jsonl: () => events.map((event) => `${event}\n`).join(''),
    object: () => events.join('\n'),
  }
  return {
    body: Buffer.from(bodies[format]()),
    contentType: format === 'jsonl' ? LINES_TYPE : JSON_TYPE,
    events: events.length,
  }
}

interface SigningMeans extends Pick<Source, 'secrets' | 'secretForm'> {
  /** `user:password`, where the receiver asks for it. */
  readonly basicAuth?: string | undefined
  /** The time that is signed, where one is; milliseconds since 1970. */
  readonly now: number
}

/** The headers of a batch as the provider sends it: its type, what lets it in, and its signature. */
export function signBatch(
  provider: Provider,
  { body, contentType }: Pick<OutgoingBatch, 'body' | 'contentType'>,
  { secrets, secretForm, basicAuth, now }: SigningMeans,
): Record<string, string> {
  const credentials =
    basicAuth === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(basicAuth).toString('base64')}` }
  return {
    'content-type': contentType,
    ...credentials,
    ...provider.sign(body, { secrets, secretForm }, now),
  }
}
