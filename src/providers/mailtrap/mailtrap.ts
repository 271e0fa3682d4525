import { newestSecret } from '../newest-secret.ts'
import type { Provider } from '../provider.ts'
import { describeMailtrapEvent } from './describe-event.ts'
import { normaliseMailtrapEvent } from './normalise-event.ts'
import { MAILTRAP_RETRIES } from './retries.ts'
import { readMailtrapSignature, signMailtrapBody, verifyMailtrapSignature } from './signature.ts'
import { isMailtrapTestId, makeMailtrapTestEvent } from './test-events.ts'
import { tidyMailtrapEvent } from './tidy-event.ts'

export const mailtrap: Provider = {
  name: 'mailtrap',
  requests: { maxEvents: 500, format: 'json' },
  nameField: 'event',
  idField: 'event_id',
  addresses: ['45.158.83.0/24', '5.181.200.0/24'],
  retries: MAILTRAP_RETRIES,
  ownSettings: [],
  secretLook: { pattern: /^[0-9a-f]{32}$/, words: '32 hex digits' },
  readSignature: readMailtrapSignature,
  verify: (body, signature, source) => verifyMailtrapSignature(body, signature, source.secrets),
  sign: (body, source) => signMailtrapBody(body, newestSecret(source.secrets)),
  describe: describeMailtrapEvent,
  normalise: normaliseMailtrapEvent,
  tidy: tidyMailtrapEvent,
  isTestId: isMailtrapTestId,
  makeTestEvent: makeMailtrapTestEvent,
}
