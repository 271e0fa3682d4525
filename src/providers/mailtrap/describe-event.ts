import type { EventFacts } from '../../model.ts'
import { cleanText, readId } from '../clean-text.ts'
import { readTime } from '../read-time.ts'
import { findNormalisedName, unifyName } from './event-names.ts'
import { MAILTRAP_INBOUND_NAME } from './events.ts'
import { isMailtrapTestId } from './test-events.ts'

/** No schema here: it runs for every event received, and has to cost about a microsecond. */
export function describeMailtrapEvent(
  event: Readonly<Record<string, unknown>>,
): EventFacts | undefined {
  const name = cleanText(event.event)
  if (name === undefined) return undefined
  const type = unifyName(name)
  const eventId = readId(event.event_id)
  const isTest = isMailtrapTestId(eventId)
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
