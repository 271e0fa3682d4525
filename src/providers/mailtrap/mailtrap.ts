import type { Provider } from '../provider.ts'
import { newestSecret } from '../signing.ts'
import { mailtrapBackfillId } from './backfill.ts'
import {
  describeMailtrapEvent,
  isMailtrapTestId,
  makeMailtrapTestEvent,
  normaliseMailtrapEvent,
} from './describe-event.ts'
import { tidyMailtrapEvent } from './events.ts'
import { makeMailtrapSample } from './sample-event.ts'
import { readMailtrapSignature, signMailtrapBody, verifyMailtrapSignature } from './signature.ts'

/** A batch that was not answered 200 is sent again so often, so far apart; then its webhook is paused. */
export const MAILTRAP_RETRIES = { count: 40, everyMs: 300_000 } as const

export const mailtrap: Provider = {
  name: 'mailtrap',
  requests: { maxEvents: 500, format: 'json' },
  nameField: 'event',
  idField: 'event_id',
  hasUuidKeys: true,
  addresses: ['45.158.83.0/24', '5.181.200.0/24'],
  retries: MAILTRAP_RETRIES,
  ownSettings: [],
  secretLook: { pattern: /^[0-9a-f]{32}$/, words: '32 hex digits' },
  readSignature: readMailtrapSignature,
  verify: (body, signature, source) => verifyMailtrapSignature(body, signature, source.secrets),
  findFault: () => ({ reason: 'signature' }),
  sign: (body, source) => signMailtrapBody(body, newestSecret(source.secrets)),
  describe: describeMailtrapEvent,
  normalise: normaliseMailtrapEvent,
  tidy: tidyMailtrapEvent,
  isTestId: isMailtrapTestId,
  backfillId: mailtrapBackfillId,
  makeTestEvent: makeMailtrapTestEvent,
  makeSample: makeMailtrapSample,
}
