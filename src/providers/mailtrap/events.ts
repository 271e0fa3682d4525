import type { EventFacts } from '../../model.ts'
import {
  type FieldsOf,
  idField,
  isObject,
  numberField,
  objectField,
  textField,
  tidyFields,
} from '../read-value.ts'

/**
 * Mailtrap's events as handlers receive them. Only `event` is certain: the provider leaves fields
 * out and sets them to null, so everything else may be absent. Fields that are not listed here, new
 * ones for instance, are a type error, so that a misspelt one is: find them in the context's
 * `original`.
 */

/** The nine events of a sent e-mail, as payloads spell them. */
export const MAILTRAP_SENDING_NAMES = [
  'delivery',
  'open',
  'click',
  'bounce',
  'soft bounce',
  'spam',
  'unsubscribe',
  'suspension',
  'reject',
] as const

export const MAILTRAP_INBOUND_NAME = 'inbound.message_received'

/** Every audit event's name begins with it; the provider publishes no full list. */
export const MAILTRAP_AUDIT_PREFIX = 'activity_log.'

/** All names but those of the audit log. */
export const MAILTRAP_EVENT_NAMES = [...MAILTRAP_SENDING_NAMES, MAILTRAP_INBOUND_NAME] as const

/** What all nine sending events, those of campaigns included, may carry. */
interface MailtrapSendingFields {
  /** The provider's id of this event, usually a UUID. */
  event_id?: string | null | undefined
  /** When it happened, whole seconds since 1970. */
  timestamp?: number | null | undefined
  /** The recipient's address. */
  email?: string | null | undefined
  /** One per recipient (to, cc, bcc); usually a UUID. */
  message_id?: string | null | undefined
  /** `transactional` or `bulk`; other values and null occur. */
  sending_stream?: string | null | undefined
  /** Absent in older events. */
  sending_domain_name?: string | null | undefined
  /** As set when sending. */
  category?: string | null | undefined
  /** As set when sending: text, numbers and booleans, at most 1,000 bytes in all. */
  custom_variables?: Record<string, unknown> | null | undefined
}

interface MailtrapRefusalFields {
  /** What the receiving server said, `550 5.1.1 …`: free text. */
  response?: string | null | undefined
  /** SMTP status, 400 to 599. */
  response_code?: number | null | undefined
  /** An open list, `badrecipient`, `overquota`, `dnsFail`, …: compare without letter case. */
  bounce_category?: string | null | undefined
}

interface MailtrapClientFields {
  /** The address that asked; often that of an image proxy, often missing. */
  ip?: string | null | undefined
  /** Often missing. */
  user_agent?: string | null | undefined
}

interface MailtrapReasonFields {
  /** A sentence for people: do not parse it. */
  reason?: string | null | undefined
}

interface MailtrapLinkFields extends MailtrapClientFields {
  /** Where the link leads. */
  url?: string | null | undefined
}

/** One of the nine, with the fields that it has beside those of all. */
type Sending<Name extends string, Fields = unknown> = MailtrapSendingFields &
  Fields & { event: Name }

/** An e-mail arrived in an inbox. Its text has to be fetched through the provider's API. */
export interface MailtrapInboundEvent {
  event: 'inbound.message_received'
  /** May change when the same event is sent again: rely on `inbox_id` and `message_id`. */
  event_id?: string | null | undefined
  /** When it arrived, MILLISECONDS since 1970; the provider's test button sends seconds. */
  timestamp?: number | null | undefined
  inbox_id?: number | null | undefined
  /** About 19 digits, perhaps with leading zeros: text, because no number can hold it. */
  message_id?: string | null | undefined
  /** For display, `Example User <sender@example.org>`; sometimes without the address. */
  from?: string | null | undefined
}

/** Somebody changed something in the account. Audit events carry no id. */
export interface MailtrapAuditEvent {
  event: `activity_log.${string}`
  /** When it happened, whole seconds since 1970. */
  timestamp?: number | null | undefined
  /** A sentence for people. */
  description?: string | null | undefined
  /** Who did it; the provider itself has a `name` only. */
  actor?: MailtrapAuditActor | null | undefined
  /** What was changed; absent on logins. */
  resource?: MailtrapAuditResource | null | undefined
  /** Attribute to `{ from, to }`; values of any kind, `[FILTERED]` where masked. */
  changes?: Record<string, unknown> | null | undefined
}

/** Who changed something: a person, an API token, or the provider itself. */
export interface MailtrapAuditActor {
  id?: number | null | undefined
  /** `user` or `api_token`; an open list. */
  type?: string | null | undefined
  name?: string | null | undefined
}

/** What was changed. */
export interface MailtrapAuditResource {
  /** Always text here, although the provider also sends numbers. */
  id?: string | null | undefined
  /** `user`, `api_token`, `sending_domain`, `inbox`, …; an open list. */
  type?: string | null | undefined
  name?: string | null | undefined
}

/** Key of a handler's `on` to the event that it receives. Audit events: {@link MailtrapAuditEvent}. */
export interface MailtrapEventMap {
  /** The receiving server took the e-mail. */
  delivery: Sending<'delivery'>
  /** The e-mail was opened; several per e-mail are normal. */
  open: Sending<'open', MailtrapClientFields>
  /** A link was clicked; several per e-mail are normal. */
  click: Sending<'click', MailtrapLinkFields>
  /** Failed for good. The provider suppresses the recipient for three categories only. */
  bounce: Sending<'bounce', MailtrapRefusalFields>
  /** Failed for now: up to ten more tries, then `delivery` or `bounce`. */
  'soft bounce': Sending<'soft bounce', MailtrapRefusalFields>
  /** The recipient complained; the provider suppresses the address. */
  spam: Sending<'spam'>
  /** The recipient opted out of this sending domain; the provider suppresses the address. */
  unsubscribe: Sending<'unsubscribe', MailtrapClientFields>
  /** Held back (unverified domain, daily limit), to end in `delivery` or `reject`. No suppression. */
  suspension: Sending<'suspension', MailtrapReasonFields>
  /** Never sent: the domain stayed unverified, or the recipient was suppressed before. */
  reject: Sending<'reject', MailtrapReasonFields>
  /** An e-mail arrived in an inbox. Its text has to be fetched through the provider's API. */
  'inbound.message_received': MailtrapInboundEvent
}

export type MailtrapDeliveryEvent = MailtrapEventMap['delivery']
export type MailtrapOpenEvent = MailtrapEventMap['open']
export type MailtrapClickEvent = MailtrapEventMap['click']
export type MailtrapBounceEvent = MailtrapEventMap['bounce']
export type MailtrapSoftBounceEvent = MailtrapEventMap['soft bounce']
export type MailtrapSpamEvent = MailtrapEventMap['spam']
export type MailtrapUnsubscribeEvent = MailtrapEventMap['unsubscribe']
export type MailtrapSuspensionEvent = MailtrapEventMap['suspension']
export type MailtrapRejectEvent = MailtrapEventMap['reject']

const sending: FieldsOf<MailtrapSendingFields> = {
  event_id: idField,
  timestamp: numberField,
  email: textField,
  message_id: idField,
  sending_stream: textField,
  sending_domain_name: textField,
  category: textField,
  custom_variables: objectField,
}
const refused: FieldsOf<MailtrapRefusalFields> = {
  response: textField,
  response_code: numberField,
  bounce_category: textField,
}
const client: FieldsOf<MailtrapClientFields> = { ip: textField, user_agent: textField }

/** A field whose kind differs from its type does not compile. */
const FIELDS: { readonly [Name in keyof MailtrapEventMap]: OtherFieldsOf<MailtrapEventMap[Name]> } =
  {
    delivery: sending,
    open: { ...sending, ...client },
    click: { ...sending, ...client, url: textField },
    bounce: { ...sending, ...refused },
    'soft bounce': { ...sending, ...refused },
    spam: sending,
    unsubscribe: { ...sending, ...client },
    suspension: { ...sending, reason: textField },
    reject: { ...sending, reason: textField },
    'inbound.message_received': {
      event_id: idField,
      timestamp: numberField,
      inbox_id: numberField,
      message_id: idField,
      from: textField,
    },
  }

const AUDIT_FIELDS: OtherFieldsOf<MailtrapAuditEvent> = {
  timestamp: numberField,
  description: textField,
  actor: partField<MailtrapAuditActor>({ id: numberField, type: textField, name: textField }),
  resource: partField<MailtrapAuditResource>({ id: idField, type: textField, name: textField }),
  changes: objectField,
}

type OtherFieldsOf<Event> = FieldsOf<Omit<Event, 'event'>>

function partField<Part>(fields: FieldsOf<Part>) {
  return (value: unknown): Part | null | undefined =>
    isObject(value) ? (tidyFields({ ...value }, fields) as Part) : value === null ? null : undefined
}

const FIELDS_BY_TYPE = new Map(Object.entries(FIELDS))

/** The event as its type promises it; an unknown one as it came. */
export function tidyMailtrapEvent(
  event: Readonly<Record<string, unknown>>,
  { type }: EventFacts,
): Record<string, unknown> {
  const isAudit = type.startsWith(MAILTRAP_AUDIT_PREFIX)
  const fields = isAudit ? AUDIT_FIELDS : FIELDS_BY_TYPE.get(type)
  return fields ? tidyFields({ ...event, event: type }, fields) : { ...event }
}
