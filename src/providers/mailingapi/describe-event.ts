import type { EventFacts, NormalisedName } from '../../model.ts'
import { cleanText, readId } from '../clean-text.ts'
import { readTime } from '../read-time.ts'
import { readObject } from '../read-value.ts'
import { MAILINGAPI_EVENT_NAMES } from './events.ts'
import { isMailingApiTestId } from './test-events.ts'

const KNOWN: ReadonlySet<string> = new Set(MAILINGAPI_EVENT_NAMES)

const NORMALISED: ReadonlyMap<string, NormalisedName> = new Map([
  ['delivered', 'email.delivered'],
  ['bounced', 'email.bounced'],
  ['deferred', 'email.deferred'],
  ['opened', 'email.opened'],
  ['clicked', 'email.clicked'],
  ['unsubscribed', 'email.unsubscribed'],
  ['complained', 'email.complained'],
])

/** No schema here: it runs for every event received, and has to cost about a microsecond. */
export function describeMailingApiEvent(
  event: Readonly<Record<string, unknown>>,
): EventFacts | undefined {
  const name = cleanText(event.type)
  if (name === undefined) return undefined
  const type = unifyName(name)
  const eventId = readId(event.id)
  const isTest = isMailingApiTestId(eventId)
  const data = readObject(event.data)
  return {
    type,
    name: NORMALISED.get(type),
    eventId,
    identity: isTest ? undefined : eventId,
    occurredAt: readTime(event.timestamp),
    recipient: cleanText(Array.isArray(data.to) ? data.to[0] : data.to),
    messageId: readId(data.message_id),
    isTest,
  }
}

/** A known name in any letter case; an unknown one stays as it is. */
function unifyName(name: string): string {
  if (KNOWN.has(name)) return name
  const lowerCase = name.trim().toLowerCase()
  return KNOWN.has(lowerCase) ? lowerCase : name
}
