import type { EventFacts } from '../../model.ts'
import {
  type FieldReaders,
  idField,
  isObject,
  numberField,
  objectField,
  type Tidied,
  textField,
  tidyFields,
} from '../read-value.ts'

/**
 * Mailtrap's events as handlers receive them. Only `event` is certain: the provider leaves fields
 * out and sets them to null, so everything else may be absent. Fields that are not listed here, new
 * ones for instance, are a type error, so that a misspelt one is: find them in the context's
 * `original`.
 */

export const MAILTRAP_INBOUND_NAME = 'inbound.message_received'

/** Every audit event's name begins with it; the provider publishes no full list. */
export const MAILTRAP_AUDIT_PREFIX = 'activity_log.'

/** What all nine sending events, those of campaigns included, may carry. */
const sending = {
  /** The provider's id of this event, usually a UUID. */
  event_id: idField,
  /** When it happened, whole seconds since 1970. */
  timestamp: numberField,
  /** The recipient's address. */
  email: textField,
  /** One per recipient (to, cc, bcc); usually a UUID. */
  message_id: idField,
  /** `transactional` or `bulk`; other values and null occur. */
  sending_stream: textField,
  /** Absent in older events. */
  sending_domain_name: textField,
  /** As set when sending. */
  category: textField,
  /** As set when sending: text, numbers and booleans, at most 1,000 bytes in all. */
  custom_variables: objectField,
}

const refused = {
  /** What the receiving server said, `550 5.1.1 …`: free text. */
  response: textField,
  /** SMTP status, 400 to 599. */
  response_code: numberField,
  /** An open list, `badrecipient`, `overquota`, `dnsFail`, …: compare without letter case. */
  bounce_category: textField,
}

const client = {
  /** The address that asked; often that of an image proxy, often missing. */
  ip: textField,
  /** Often missing. */
  user_agent: textField,
}

const reason = {
  /** A sentence for people: do not parse it. */
  reason: textField,
}

const clicked = {
  ...client,
  /** Where the link leads. */
  url: textField,
}

const inbound = {
  /** May change when the same event is sent again: rely on `inbox_id` and `message_id`. */
  event_id: idField,
  /** When it arrived, MILLISECONDS since 1970; the provider's test button sends seconds. */
  timestamp: numberField,
  inbox_id: numberField,
  /** About 19 digits, perhaps with leading zeros: text, because no number can hold it. */
  message_id: idField,
  /** For display, `Example User <sender@example.org>`; sometimes without the address. */
  from: textField,
}

/** Every event but those of the audit log, by its name as payloads spell it: the nine of a sent e-mail first. */
const FIELDS = {
  /** The receiving server took the e-mail. */
  delivery: sending,
  /** The e-mail was opened; several per e-mail are normal. */
  open: { ...sending, ...client },
  /** A link was clicked; several per e-mail are normal. */
  click: { ...sending, ...clicked },
  /** Failed for good. The provider suppresses the recipient for three categories only. */
  bounce: { ...sending, ...refused },
  /** Failed for now: up to ten more tries, then `delivery` or `bounce`. */
  'soft bounce': { ...sending, ...refused },
  /** The recipient complained; the provider suppresses the address. */
  spam: sending,
  /** The recipient opted out of this sending domain; the provider suppresses the address. */
  unsubscribe: { ...sending, ...client },
  /** Held back (unverified domain, daily limit), to end in `delivery` or `reject`. No suppression. */
  suspension: { ...sending, ...reason },
  /** Never sent: the domain stayed unverified, or the recipient was suppressed before. */
  reject: { ...sending, ...reason },
  /** An e-mail arrived in an inbox. Its text has to be fetched through the provider's API. */
  [MAILTRAP_INBOUND_NAME]: inbound,
}

/** Key of a handler's `on` to the event that it receives. Audit events: {@link MailtrapAuditEvent}. */
export type MailtrapEventMap = {
  [Name in keyof typeof FIELDS]: { event: Name } & Tidied<(typeof FIELDS)[Name]>
}

/** All names but those of the audit log. */
export const MAILTRAP_EVENT_NAMES = Object.keys(FIELDS) as readonly (keyof MailtrapEventMap)[]

export type MailtrapDeliveryEvent = MailtrapEventMap['delivery']
export type MailtrapOpenEvent = MailtrapEventMap['open']
export type MailtrapClickEvent = MailtrapEventMap['click']
export type MailtrapBounceEvent = MailtrapEventMap['bounce']
export type MailtrapSoftBounceEvent = MailtrapEventMap['soft bounce']
export type MailtrapSpamEvent = MailtrapEventMap['spam']
export type MailtrapUnsubscribeEvent = MailtrapEventMap['unsubscribe']
export type MailtrapSuspensionEvent = MailtrapEventMap['suspension']
export type MailtrapRejectEvent = MailtrapEventMap['reject']
/** An e-mail arrived in an inbox. Its text has to be fetched through the provider's API. */
export type MailtrapInboundEvent = MailtrapEventMap[typeof MAILTRAP_INBOUND_NAME]

const actor = {
  id: numberField,
  /** `user` or `api_token`; an open list. */
  type: textField,
  name: textField,
}
/** Who changed something: a person, an API token, or the provider itself. */
export type MailtrapAuditActor = Tidied<typeof actor>

const resource = {
  /** Always text here, although the provider also sends numbers. */
  id: idField,
  /** `user`, `api_token`, `sending_domain`, `inbox`, …; an open list. */
  type: textField,
  name: textField,
}
/** What was changed. */
export type MailtrapAuditResource = Tidied<typeof resource>

const audit = {
  /** When it happened, whole seconds since 1970. */
  timestamp: numberField,
  /** A sentence for people. */
  description: textField,
  /** Who did it; the provider itself has a `name` only. */
  actor: partField(actor),
  /** What was changed; absent on logins. */
  resource: partField(resource),
  /** Attribute to `{ from, to }`; values of any kind, `[FILTERED]` where masked. */
  changes: objectField,
}
/** Somebody changed something in the account. Audit events carry no id. */
export type MailtrapAuditEvent = { event: `activity_log.${string}` } & Tidied<typeof audit>

function partField<Fields extends FieldReaders>(fields: Fields) {
  return (value: unknown): Tidied<Fields> | null | undefined =>
    isObject(value)
      ? (tidyFields({ ...value }, fields) as Tidied<Fields>)
      : value === null
        ? null
        : undefined
}

const FIELDS_BY_TYPE = new Map<string, FieldReaders>(Object.entries(FIELDS))

/** The event as its type promises it; an unknown one as it came. */
export function tidyMailtrapEvent(
  event: Readonly<Record<string, unknown>>,
  { type }: EventFacts,
): Record<string, unknown> {
  const isAudit = type.startsWith(MAILTRAP_AUDIT_PREFIX)
  const fields = isAudit ? audit : FIELDS_BY_TYPE.get(type)
  return fields ? tidyFields({ ...event, event: type }, fields) : { ...event }
}
