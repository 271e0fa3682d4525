import type { Provider } from '../provider.ts'
import { mailingapiReading } from './describe-event.ts'
import { tidyMailingApiEvent } from './events.ts'
import { makeMailingApiSample } from './sample-event.ts'
import { mailingapiSignatures } from './signature.ts'

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
  ...mailingapiSignatures,
  ...mailingapiReading,
  tidy: tidyMailingApiEvent,
  makeSample: makeMailingApiSample,
}
