import { NORMALISED_NAMES, type NormalisedName } from '../../model.ts'
import { normaliseEvent } from '../normalised-event.ts'
import type { Provider } from '../provider.ts'
import {
  cleanText,
  readId,
  readIdentity,
  readNumber,
  readObject,
  readText,
  readTime,
} from '../read-value.ts'
import { pickAddress, pickFrom, type SampleEvent, type SampleFacts } from '../samples.ts'
import { MAILINGAPI_EVENT_NAMES, tidyMailingApiEvent } from './events.ts'
import { mailingapiSignatures } from './signature.ts'

/** Of our own making: no document says how the provider's tests look. */
const TEST_ID = 'evt_mailtrap_receiver_test'

/** All but inbound are called as the shared names are. */
const NORMALISED = new Map<string, NormalisedName | undefined>(
  MAILINGAPI_EVENT_NAMES.map((type) => [
    type,
    NORMALISED_NAMES.find((name) => name === `email.${type}`),
  ]),
)

/** A known name in any letter case; an unknown one stays as it is. */
function unifyName(name: string): string {
  if (NORMALISED.has(name)) return name
  const lowerCase = name.trim().toLowerCase()
  return NORMALISED.has(lowerCase) ? lowerCase : name
}

const PERMANENT = /^(permanent|hard)(?![a-z])/i
const TEMPORARY = /^(temporary|transient|soft)(?![a-z])/i

/**
 * Only the provider's word counts: `bounced` covers both kinds, and an app team suppresses recipients
 * on what is said here, so an SMTP status is not enough.
 */
function readPermanence(
  data: Readonly<Record<string, unknown>>,
): 'permanent' | 'temporary' | 'unknown' {
  const kind = readKind(data) ?? ''
  if (PERMANENT.test(kind)) return 'permanent'
  return TEMPORARY.test(kind) ? 'temporary' : 'unknown'
}

/** Inferred names throughout: whichever field is there is used. */
function readBounce(data: Readonly<Record<string, unknown>>) {
  const response = readText(data.smtp_response)
  const leadingStatus = /^[45]\d\d\b/.exec(response ?? '')?.[0]
  return {
    code: readNumber(data.code) ?? readNumber(leadingStatus),
    category: readKind(data),
    response: response ?? readText(data.reason),
  }
}

function readKind(data: Readonly<Record<string, unknown>>): string | undefined {
  return readText(data.bounce_type) ?? readText(data.type)
}

const isTestId = (eventId: string | undefined): boolean => eventId === TEST_ID

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
  /** No schema here: it runs for every event received, and has to cost about a microsecond. */
  describe(event) {
    const name = cleanText(event.type)
    if (name === undefined) return undefined
    const type = unifyName(name)
    const eventId = readId(event.id)
    const isTest = isTestId(eventId)
    const data = readObject(event.data)
    return {
      type,
      name: NORMALISED.get(type),
      eventId,
      identity: isTest ? undefined : readIdentity(event.id),
      occurredAt: readTime(event.timestamp),
      recipient: cleanText(Array.isArray(data.to) ? data.to[0] : data.to),
      messageId: readId(data.message_id),
      isTest,
    }
  },
  /** Inbound and unknown events have no such form. */
  normalise(event, facts) {
    const data = readObject(event.data)
    return normaliseEvent({
      provider: 'mailingapi',
      facts,
      original: event,
      details: data,
      variables: data.metadata,
      permanence: () => readPermanence(data),
      bounce: () => readBounce(data),
    })
  },
  isTestId,
  /** No time: a test is neither old nor new. */
  makeTestEvent: () => ({
    id: TEST_ID,
    type: 'delivered',
    data: { message_id: 'msg_mailtrap_receiver_test', to: 'receiver@example.com' },
  }),
  tidy: tidyMailingApiEvent,
  makeSample: makeMailingApiSample,
}

const BOUNCES = [
  { bounce_type: 'permanent', code: 550, reason: 'No such user' },
  { bounce_type: 'temporary', code: 452, reason: 'The mailbox is full' },
] as const

/** What `data` has beyond the fields of all. Only `delivered_at` is published, the rest is inferred. */
const DETAILS: Readonly<Record<string, (facts: SampleFacts) => SampleEvent>> = {
  delivered: ({ occurredAt }) => ({ delivered_at: new Date(occurredAt).toISOString() }),
  bounced: ({ random }) => pickFrom(BOUNCES, random),
  deferred: () => ({ bounce_type: 'temporary', code: 421, reason: 'Try again later' }),
  opened: client,
  clicked: (facts) => ({ ...client(facts), url: 'https://www.example.com/offer' }),
  unsubscribed: client,
  complained: () => ({}),
  inbound: () => ({}),
}

/** An event as MailingAPI sends it; undefined: it has none of that name. */
function makeMailingApiSample(facts: SampleFacts): SampleEvent | undefined {
  const { type, mail, occurredAt, random, uuid } = facts
  const details = DETAILS[type]?.(facts)
  return (
    details && {
      id: `evt_${uuid()}`,
      type,
      timestamp: new Date(occurredAt).toISOString(),
      data: {
        message_id: `msg_${mail.messageId}`,
        from: 'sender@example.org',
        to: mail.recipient,
        subject: mail.category,
        metadata: { order_ref: `A-${1 + Math.floor(random() * 100_000)}` },
        ...details,
      },
    }
  )
}

function client({ random }: SampleFacts): SampleEvent {
  return { ip: pickAddress(random), user_agent: 'Mozilla/5.0 (X11; Linux x86_64)' }
}
