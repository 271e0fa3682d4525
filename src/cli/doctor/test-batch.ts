import { DOCTOR_QUESTION } from '../../http/tell-doctor.ts'
import type { Source } from '../../model.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import type { OutgoingRequest } from './exchange.ts'

export interface TestBatchOptions {
  /** Blanks within the JSON make it so large. Default: as small as it is. */
  readonly bytes?: number
  /** Spoils the signature. */
  readonly isForged?: boolean
  readonly now: number
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * A signed batch with the provider's test event, which no handler gets. It is the same each time,
 * so that the receiver keeps it once, whatever the size of the batch.
 */
export function makeTestBatch(source: Source, options: TestBatchOptions): OutgoingRequest {
  const { bytes = 0, isForged = false, now, headers } = options
  const provider = PROVIDERS[source.provider]
  const event = provider.makeTestEvent()
  const whole = provider.requests.format === 'json' ? { events: [event] } : event
  const text = JSON.stringify(whole)
  const blanks = ' '.repeat(Math.max(0, bytes - text.length))
  const body = Buffer.from(`{${blanks}${text.slice(1)}`)
  const secrets = isForged ? ['no-secret-of-anybody'] : source.secrets
  return {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'mailtrap-receiver-doctor',
      [DOCTOR_QUESTION]: 'saw',
      ...credentials(source.basicAuth),
      ...provider.sign(body, { ...source, secrets }, now),
      ...headers,
    },
  }
}

function credentials(basicAuth: string | undefined): Record<string, string> {
  if (basicAuth === undefined) return {}
  return { authorization: `Basic ${Buffer.from(basicAuth).toString('base64')}` }
}

/** The path of a source, with its token. */
export function pathOf({ name, urlToken }: Source): string {
  const query = urlToken === undefined ? '' : `?token=${encodeURIComponent(urlToken)}`
  return `/webhooks/${name}${query}`
}
