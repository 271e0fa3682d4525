import { randomUUID } from 'node:crypto'
import type { MailingApiEventMap } from '../providers/mailingapi/events.ts'
import type { MailtrapEventMap } from '../providers/mailtrap/events.ts'
import { checkKey } from './event-keys.ts'
import type { AuditKey, EventFor } from './handler-events.ts'

/** A provider's own name of an event. */
export type SampleType = keyof MailtrapEventMap | AuditKey | keyof MailingApiEventMap

/** Fields to set, `undefined` to leave out; those of MailingAPI's `data` are merged into it. */
export type SampleOverrides<Type extends SampleType> = Partial<EventFor<Type>>

type Fields = Readonly<Record<string, unknown>>

const CLIENT = { ip: '203.0.113.24', user_agent: 'Mozilla/5.0 (X11; Linux x86_64)' }
const HELD = 'The sending domain is not verified yet.'
const HARD = { response: '550 5.1.1 No such user', response_code: 550 }
const SOFT = { response: '421 4.7.0 Try again later', response_code: 421 }

/** What a kind of sending event has beyond the fields of all. */
const SENDING_FIELDS: Readonly<Record<string, Fields>> = {
  delivery: {},
  open: CLIENT,
  click: { ...CLIENT, url: 'https://www.example.com/offer' },
  bounce: { ...HARD, bounce_category: 'badrecipient' },
  'soft bounce': { ...SOFT, bounce_category: 'greylisting' },
  spam: {},
  unsubscribe: CLIENT,
  suspension: { reason: HELD },
  reject: { reason: HELD },
}

/** Likewise for `data`; only `delivered_at` is published, the rest is inferred. */
const MAILINGAPI_DATA: Readonly<Record<string, Fields>> = {
  delivered: {},
  bounced: { bounce_type: 'permanent', code: 550, reason: 'No such user' },
  deferred: { bounce_type: 'temporary', code: 421, reason: 'Try again later' },
  opened: CLIENT,
  clicked: { ...CLIENT, url: 'https://www.example.com/offer' },
  unsubscribed: CLIENT,
  complained: {},
  inbound: {},
}

/**
 * An event as a provider would send it, with new ids and the present time.
 *
 * @example sampleEvent('bounce', { email: 'someone@example.com' })
 * @example { ...sampleEvent('open'), field_of_the_future: 1 } // one that its type does not list
 */
export function sampleEvent<Type extends SampleType>(
  type: Type,
  overrides?: SampleOverrides<Type>,
): EventFor<Type> {
  const event = makeSample(type)
  const fields: Fields = { ...overrides }
  const changed: Record<string, unknown> = { ...event, ...fields }
  if (isFields(event.data) && isFields(fields.data)) {
    changed.data = { ...event.data, ...fields.data }
  }
  return changed as EventFor<Type>
}

function makeSample(type: string): Fields {
  const ofSending = SENDING_FIELDS[type]
  if (ofSending !== undefined) return { ...makeSending(type), ...ofSending }
  const ofData = MAILINGAPI_DATA[type]
  if (ofData !== undefined) return makeMailingApi(type, ofData)
  if (type === 'inbound.message_received') return makeInbound(type)
  if (type.startsWith('activity_log.') && !type.endsWith('*')) return makeAudit(type)
  throw new TypeError(`sampleEvent: ${checkKey(type) ?? `\`${type}\` is no single event.`}`)
}

function makeSending(type: string): Fields {
  return {
    event: type,
    event_id: randomUUID(),
    timestamp: nowSeconds(),
    email: 'recipient@example.com',
    message_id: randomUUID(),
    sending_stream: 'transactional',
    sending_domain_name: 'mail.example.org',
    category: 'Invoice',
    custom_variables: { order_ref: 'A-1' },
  }
}

function makeInbound(type: string): Fields {
  return {
    event: type,
    event_id: randomUUID(),
    timestamp: Date.now(),
    inbox_id: 77,
    message_id: String(BigInt(`0x${randomUUID().slice(0, 13).replaceAll('-', '')}`)).padStart(
      19,
      '0',
    ),
    from: 'Example Sender <sender@example.com>',
  }
}

/** Audit events carry no id: the random text tells two samples apart. */
function makeAudit(type: string): Fields {
  return {
    event: type,
    timestamp: nowSeconds(),
    description: `Sample ${randomUUID()}`,
    actor: { id: 41, type: 'user', name: 'Example User' },
    resource: { id: '17', type: 'user', name: 'Another User' },
    changes: { role: { from: 'viewer', to: 'admin' } },
  }
}

function makeMailingApi(type: string, ofType: Fields): Fields {
  const timestamp = new Date().toISOString()
  return {
    id: `evt_${randomUUID()}`,
    type,
    timestamp,
    data: {
      message_id: `msg_${randomUUID()}`,
      from: 'sender@example.org',
      to: 'recipient@example.com',
      subject: 'Your invoice',
      metadata: { order_ref: 'A-1' },
      ...(type === 'delivered' ? { delivered_at: timestamp } : ofType),
    },
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1_000)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
