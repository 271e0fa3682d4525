import { newestSecret } from '../newest-secret.ts'
import type { Provider } from '../provider.ts'
import { describeMailingApiEvent } from './describe-event.ts'
import { normaliseMailingApiEvent } from './normalise-event.ts'
import {
  readMailingApiSignature,
  signMailingApiBody,
  verifyMailingApiSignature,
} from './signature.ts'
import { isMailingApiTestId, makeMailingApiTestEvent } from './test-events.ts'
import { tidyMailingApiEvent } from './tidy-event.ts'

/** Its signature is INFERRED in part; see `signature.ts`. */
export const mailingapi: Provider = {
  name: 'mailingapi',
  requests: { maxEvents: 1, format: 'single' },
  nameField: 'type',
  idField: 'id',
  addresses: [],
  retries: undefined,
  ownSettings: ['toleranceSeconds', 'secretForm'],
  secretLook: undefined,
  readSignature: readMailingApiSignature,
  verify: verifyMailingApiSignature,
  sign: (body, { secrets, secretForm }, now) =>
    signMailingApiBody(body, newestSecret(secrets), secretForm, now),
  describe: describeMailingApiEvent,
  normalise: normaliseMailingApiEvent,
  tidy: tidyMailingApiEvent,
  isTestId: isMailingApiTestId,
  makeTestEvent: makeMailingApiTestEvent,
}
