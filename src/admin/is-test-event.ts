import { PROVIDERS } from '../providers/providers.ts'
import type { EventRow } from '../store/store.ts'

/**
 * Whether a provider's test button made the event: it is kept, and never given to handlers. A
 * provider tells its tests by their ids, which the row holds: no payload need be read.
 */
export function isTestEvent({ provider, type, eventId }: EventRow): boolean {
  return PROVIDERS[provider].describe({ event: type, event_id: eventId })?.isTest === true
}
