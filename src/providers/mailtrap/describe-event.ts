import type { NormalisedName } from '../../model.ts'
import { normaliseEvent } from '../normalised-event.ts'
import type { Provider } from '../provider.ts'
import { cleanText, readId, readIdentity, readNumber, readText, readTime } from '../read-value.ts'
import { MAILTRAP_AUDIT_PREFIX, MAILTRAP_EVENT_NAMES, MAILTRAP_INBOUND_NAME } from './events.ts'

/** Spellings of Mailtrap's interfaces, forms and texts, folded, to the one used in payloads. */
const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ...MAILTRAP_EVENT_NAMES.map((name): [string, string] => [fold(name), name]),
  ['hard bounce', 'bounce'],
  ['spam complaint', 'spam'],
  ['spam report', 'spam'],
  ['inbound', MAILTRAP_INBOUND_NAME],
])
const LONGEST_SPELLING = 40

/** The name shared by all providers. */
export const MAILTRAP_NORMALISED: ReadonlyMap<string, NormalisedName> = new Map([
  ['delivery', 'email.delivered'],
  ['soft bounce', 'email.deferred'],
  ['bounce', 'email.bounced'],
  ['open', 'email.opened'],
  ['click', 'email.clicked'],
  ['unsubscribe', 'email.unsubscribed'],
  ['spam', 'email.complained'],
  ['reject', 'email.rejected'],
  ['suspension', 'email.suspended'],
])

const EXACT: ReadonlySet<string> = new Set(MAILTRAP_EVENT_NAMES)

/** The payload name for any known spelling of it; an unknown name stays as it is. */
export function unifyName(name: string): string {
  if (EXACT.has(name) || name.startsWith(MAILTRAP_AUDIT_PREFIX)) return name
  const lowerCase = name.toLowerCase()
  if (lowerCase.startsWith(MAILTRAP_AUDIT_PREFIX)) return lowerCase
  return (name.length <= LONGEST_SPELLING ? SPELLINGS.get(fold(name)) : undefined) ?? name
}

/** `Soft-Bounce`, `soft_bounce` and `soft bounce` become one. */
function fold(name: string): string {
  return name
    .toLowerCase()
    .replace(/[\s._-]+/g, ' ')
    .trim()
}

/**
 * The ids of the two sending events that Mailtrap's "Run Test" button makes. They are the same for
 * every kind of event, so a second test would look like a conflict with the first.
 */
const TEST_IDS: readonly [string, string] = [
  'bede7236-2284-43d6-a953-1fdcafd0fdbc',
  '657b8544-6a95-4c47-997f-6e47922a5052',
]

/** An inbound event sent again may come with another `event_id`: its inbox and id there count. */
function identify(event: Readonly<Record<string, unknown>>, type: string): string | undefined {
  const eventId = readIdentity(event.event_id)
  if (type !== MAILTRAP_INBOUND_NAME) return eventId
  const inboxId = readIdentity(event.inbox_id)
  const messageId = readIdentity(event.message_id)
  // With a slash in it, two pairs could look the same.
  const isClear = inboxId && messageId && !inboxId.includes('/')
  return isClear ? `${inboxId}/${messageId}` : eventId
}

const isTestId = (eventId: string | undefined): boolean =>
  eventId !== undefined && TEST_IDS.includes(eventId)

/** How its events are read, and those of a test made. */
export const mailtrapReading: Pick<
  Provider,
  'describe' | 'normalise' | 'isTestId' | 'makeTestEvent'
> = {
  /** No schema here: it runs for every event received, and has to cost about a microsecond. */
  describe(event) {
    const name = cleanText(event.event)
    if (name === undefined) return undefined
    const type = unifyName(name)
    const eventId = readId(event.event_id)
    const isTest = isTestId(eventId)
    return {
      type,
      name: MAILTRAP_NORMALISED.get(type),
      eventId,
      identity: isTest ? undefined : identify(event, type),
      occurredAt: readTime(event.timestamp),
      recipient: cleanText(event.email),
      messageId: readId(event.message_id),
      isTest,
    }
  },
  /** Audit, inbound and unknown events have no such form. */
  normalise: (event, facts) =>
    normaliseEvent({
      provider: 'mailtrap',
      facts,
      original: event,
      details: event,
      variables: event.custom_variables,
      permanence: () => 'permanent',
      bounce: () => ({
        code: readNumber(event.response_code),
        category: readText(event.bounce_category),
        response: readText(event.response),
      }),
    }),
  isTestId,
  /** No time: a test is neither old nor new. */
  makeTestEvent: () => ({
    event: 'delivery',
    event_id: TEST_IDS[0],
    message_id: '00000000-0000-4000-8000-000000000000',
    email: 'receiver@example.com',
    sending_stream: 'transactional',
    sending_domain_name: 'example.com',
    category: 'mailtrap-receiver doctor',
  }),
}
