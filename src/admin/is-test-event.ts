import { PROVIDERS } from '../providers/providers.ts'
import type { EventRow } from '../store/store.ts'

/** Whether a provider's test made the event: it is kept, and never given to handlers. */
export function isTestEvent({ provider, eventId }: EventRow): boolean {
  return PROVIDERS[provider].isTestId(eventId)
}
