import type { ProviderName, SecretForm } from '../../model.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import type { OutgoingBatch } from '../../simulator/pack-batch.ts'

export interface SignerOptions {
  readonly provider: ProviderName
  readonly secret: string
  readonly secretForm: SecretForm
  /** Signs with another secret, as a stranger would. */
  readonly isForged: boolean
  /** `user:password` */
  readonly basicAuth: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Makes the headers that a request of the provider carries. */
export function createSigner(
  options: SignerOptions,
): (batch: OutgoingBatch) => Record<string, string> {
  const { provider, secret, secretForm, isForged, basicAuth, now } = options
  const source = { secrets: [isForged ? reverse(secret) : secret], secretForm }
  const authorization =
    basicAuth === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(basicAuth).toString('base64')}` }
  return ({ body, contentType }) => ({
    'content-type': contentType,
    'user-agent': 'mailtrap-receiver-send',
    ...authorization,
    ...PROVIDERS[provider].sign(body, source, now()),
  })
}

/** Another secret of the same shape, even if the text reads the same backwards. */
function reverse(secret: string): string {
  return `x${[...secret].reverse().join('').slice(1)}`
}
