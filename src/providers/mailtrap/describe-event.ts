import type { EventFacts } from '../../model.ts'
import { cleanText, readId } from '../clean-text.ts'
import { readTime } from '../read-time.ts'
import { findNormalisedName, unifyName } from './event-names.ts'
import { MAILTRAP_INBOUND_NAME } from './events.ts'

/**
 * The ids of the two sending events that Mailtrap's "Run Test" button makes. They are the same for
 * every kind of event, so a second test would look like a conflict with the first.
 */
const TEST_IDS: ReadonlySet<string> = new Set([
  'bede7236-2284-43d6-a953-1fdcafd0fdbc',
  '657b8544-6a95-4c47-997f-6e47922a5052',
])

/** No schema here: it runs for every event received, and has to cost about a microsecond. */
export function describeMailtrapEvent(
  event: Readonly<Record<string, unknown>>,
): EventFacts | undefined {
  const name = cleanText(event.event)
  if (name === undefined) return undefined
  const type = unifyName(name)
  const eventId = readId(event.event_id)
  const isTest = eventId !== undefined && TEST_IDS.has(eventId)
  return {
    type,
    name: findNormalisedName(type),
    eventId,
    identity: isTest ? undefined : identify(event, type, eventId),
    occurredAt: readTime(event.timestamp),
    recipient: cleanText(event.email),
    messageId: readId(event.message_id),
    isTest,
  }
}

/** An inbound event sent again may come with another `event_id`: its inbox and id there count. */
function identify(
  event: Readonly<Record<string, unknown>>,
  type: string,
  eventId: string | undefined,
): string | undefined {
  if (type !== MAILTRAP_INBOUND_NAME) return eventId
  const inboxId = readId(event.inbox_id)
  const messageId = readId(event.message_id)
  return inboxId && messageId ? `${inboxId}/${messageId}` : eventId
}
