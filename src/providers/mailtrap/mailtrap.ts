import type { Provider } from '../provider.ts'
import { mailtrapBackfillId } from './backfill.ts'
import { mailtrapReading } from './describe-event.ts'
import { tidyMailtrapEvent } from './events.ts'
import { makeMailtrapSample } from './sample-event.ts'
import { mailtrapSignatures } from './signature.ts'

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
  ...mailtrapSignatures,
  ...mailtrapReading,
  tidy: tidyMailtrapEvent,
  backfillId: mailtrapBackfillId,
  makeSample: makeMailtrapSample,
}
