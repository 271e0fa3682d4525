import type { Provider } from '../provider.ts'
import { newestSecret } from '../signing.ts'
import {
  describeMailingApiEvent,
  isMailingApiTestId,
  makeMailingApiTestEvent,
  normaliseMailingApiEvent,
} from './describe-event.ts'
import { tidyMailingApiEvent } from './events.ts'
import { makeMailingApiSample } from './sample-event.ts'
import {
  findMailingApiFault,
  readMailingApiSignature,
  signMailingApiBody,
  verifyMailingApiSignature,
} from './signature.ts'

/** Its signature is INFERRED in part; see `signature.ts`. */
export const mailingapi: Provider = {
  name: 'mailingapi',
  requests: { maxEvents: 1, format: 'single' },
  nameField: 'type',
  idField: 'id',
  hasUuidKeys: false,
  addresses: [],
  retries: undefined,
  ownSettings: ['toleranceSeconds', 'secretForm'],
  secretLook: undefined,
  readSignature: readMailingApiSignature,
  verify: verifyMailingApiSignature,
  findFault: findMailingApiFault,
  sign: (body, { secrets, secretForm }, now) =>
    signMailingApiBody(body, newestSecret(secrets), secretForm, now),
  describe: describeMailingApiEvent,
  normalise: normaliseMailingApiEvent,
  tidy: tidyMailingApiEvent,
  isTestId: isMailingApiTestId,
  makeTestEvent: makeMailingApiTestEvent,
  makeSample: makeMailingApiSample,
}
