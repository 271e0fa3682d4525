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

/** The receiving server took the e-mail. */
export interface MailtrapDeliveryEvent extends MailtrapSendingFields {
  event: 'delivery'
}

/** The e-mail was opened; several per e-mail are normal. */
export interface MailtrapOpenEvent extends MailtrapSendingFields, MailtrapClientFields {
  event: 'open'
}

/** A link was clicked; several per e-mail are normal. */
export interface MailtrapClickEvent extends MailtrapSendingFields, MailtrapClientFields {
  event: 'click'
  /** Where the link leads. */
  url?: string | null | undefined
}

/** Failed for good. The provider suppresses the recipient for three categories only. */
export interface MailtrapBounceEvent extends MailtrapSendingFields, MailtrapRefusalFields {
  event: 'bounce'
}

/** Failed for now: up to ten more tries, then `delivery` or `bounce`. */
export interface MailtrapSoftBounceEvent extends MailtrapSendingFields, MailtrapRefusalFields {
  event: 'soft bounce'
}

/** The recipient complained; the provider suppresses the address. */
export interface MailtrapSpamEvent extends MailtrapSendingFields {
  event: 'spam'
}

/** The recipient opted out of this sending domain; the provider suppresses the address. */
export interface MailtrapUnsubscribeEvent extends MailtrapSendingFields, MailtrapClientFields {
  event: 'unsubscribe'
}

/** Held back (unverified domain, daily limit), to end in `delivery` or `reject`. No suppression. */
export interface MailtrapSuspensionEvent extends MailtrapSendingFields {
  event: 'suspension'
  /** A sentence for people: do not parse it. */
  reason?: string | null | undefined
}

/** Never sent: the domain stayed unverified, or the recipient was suppressed before. */
export interface MailtrapRejectEvent extends MailtrapSendingFields {
  event: 'reject'
  /** A sentence for people: do not parse it. */
  reason?: string | null | undefined
}

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

export interface MailtrapAuditActor {
  id?: number | null | undefined
  /** `user` or `api_token`; an open list. */
  type?: string | null | undefined
  name?: string | null | undefined
}

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
  delivery: MailtrapDeliveryEvent
  /** The e-mail was opened. */
  open: MailtrapOpenEvent
  /** A link was clicked. */
  click: MailtrapClickEvent
  /** Failed for good. */
  bounce: MailtrapBounceEvent
  /** Failed for now; will be tried again. */
  'soft bounce': MailtrapSoftBounceEvent
  /** The recipient complained. */
  spam: MailtrapSpamEvent
  /** The recipient opted out. */
  unsubscribe: MailtrapUnsubscribeEvent
  /** Held back by the provider. */
  suspension: MailtrapSuspensionEvent
  /** Never sent. */
  reject: MailtrapRejectEvent
  /** An e-mail arrived in an inbox. */
  'inbound.message_received': MailtrapInboundEvent
}
