import { type OutgoingBatch, packBatch } from '../../providers/outgoing-batch.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import type { Random } from '../../providers/samples.ts'
import { type Faults, occurs } from './faults.ts'
import type { Webhook } from './webhook.ts'
import type { QueuedBatch } from './webhook-queue.ts'

const MAILTRAP_AGENT = 'Mailtrap/1.0 (Webhook; +https://help.mailtrap.io/article/102-webhooks)'
const SLOW_BODY_MS = 3_000

interface SignOptions {
  readonly faults: Faults
  readonly random: Random
  /** By the simulator's clock. */
  readonly now: number
  /** The time that is signed, where one is: ours, since a receiver compares it with its own. */
  readonly signedAt: number
}

/** The request as the provider would make it; made anew for each attempt, by the secret of the day. */
export function signAttempt(
  webhook: Webhook,
  batch: QueuedBatch,
  { faults, random, now, signedAt }: SignOptions,
) {
  const packed = packBatch(batch.events, batch.format)
  const secrets = chooseSecrets(webhook, { faults, random, now })
  const headers = {
    'content-type': packed.contentType,
    ...(webhook.provider === 'mailtrap'
      ? { 'accept-encoding': 'gzip', 'user-agent': MAILTRAP_AGENT }
      : {}),
    ...sign(webhook, packed, { secrets, signedAt }),
  }
  const { body } = packed
  const middle = body.length >> 1
  if (occurs('tampered', faults, random)) body.writeUInt8(body.readUInt8(middle) ^ 1, middle)
  // 0: as long as it takes.
  return { body, headers, spreadMs: occurs('slow_body', faults, random) ? SLOW_BODY_MS : 0 }
}

function chooseSecrets(
  { secret, oldSecret, bothSignUntil = 0 }: Webhook,
  { faults, random, now }: Omit<SignOptions, 'signedAt'>,
): string[] {
  if (occurs('bad_signature', faults, random)) return ['0'.repeat(32)]
  if (oldSecret === undefined) return [secret]
  if (occurs('old_secret', faults, random)) return [oldSecret]
  return now < bothSignUntil ? [secret, oldSecret] : [secret]
}

/** Several secrets, which only MailingAPI may have, each add a `v1`. */
function sign(
  { provider }: Webhook,
  { body }: OutgoingBatch,
  { secrets, signedAt }: { secrets: readonly string[]; signedAt: number },
): Record<string, string> {
  const signed = secrets.map((secret) =>
    PROVIDERS[provider].sign(body, { secrets: [secret], secretForm: 'raw' }, signedAt),
  )
  const [first = {}, ...others] = signed.map((headers) => Object.entries(headers)[0] ?? [])
  const [name = '', value = ''] = first as string[]
  const more = others.map(([, text = '']) => text.replace(/^t=\d+/, ''))
  return { [name]: [value, ...more].join('') }
}
