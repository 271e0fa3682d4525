/**
 * MailingAPI's events as handlers receive them. Published are the envelope, the eight types and a
 * few fields of `data`. Fields marked "inferred" are guesses that no document backs; they are typed
 * so that they can be used when they turn up. Fields that are not listed are a type error, so
 * that a misspelt one is: find them in the context's `original`.
 */

export const MAILINGAPI_EVENT_NAMES = [
  'delivered',
  'bounced',
  'deferred',
  'opened',
  'clicked',
  'unsubscribed',
  'complained',
  'inbound',
] as const
export type MailingApiEventName = (typeof MAILINGAPI_EVENT_NAMES)[number]

/** The envelope that all types share. */
interface MailingApiEvent<Name extends MailingApiEventName, Data> {
  type: Name
  /** `evt_…` */
  id?: string | null | undefined
  /** When it happened, ISO 8601. */
  timestamp?: string | null | undefined
  /** Always an object here; empty when the provider sent none. */
  data: Data
}

export interface MailingApiData {
  /** `msg_…` */
  message_id?: string | null | undefined
  from?: string | null | undefined
  /** The recipient. A list is inferred. */
  to?: string | string[] | null | undefined
  subject?: string | null | undefined
  /** As given when sending. */
  metadata?: Record<string, unknown> | null | undefined
}

export interface MailingApiDeliveredData extends MailingApiData {
  /** ISO 8601. */
  delivered_at?: string | null | undefined
}

/** Everything here is inferred. */
export interface MailingApiRefusalData extends MailingApiData {
  /** Inferred: `permanent` or `temporary`. Absent: unknown; do not suppress on that alone. */
  bounce_type?: string | null | undefined
  /** Inferred: another name of `bounce_type`. */
  type?: string | null | undefined
  /** Inferred: SMTP status. */
  code?: number | null | undefined
  /** Inferred: free text. */
  reason?: string | null | undefined
  /** Inferred: what the receiving server said. */
  smtp_response?: string | null | undefined
}

/** Everything here is inferred. */
export interface MailingApiClientData extends MailingApiData {
  /** Inferred. */
  ip?: string | null | undefined
  /** Inferred. */
  user_agent?: string | null | undefined
}

export interface MailingApiClickData extends MailingApiClientData {
  /** Inferred: where the link leads. */
  url?: string | null | undefined
}

/** The receiving server took the e-mail. */
export interface MailingApiDeliveredEvent
  extends MailingApiEvent<'delivered', MailingApiDeliveredData> {}

/** Refused, for good OR for now: the provider's texts disagree. */
export interface MailingApiBouncedEvent extends MailingApiEvent<'bounced', MailingApiRefusalData> {}

/** Failed for now; will be tried again. */
export interface MailingApiDeferredEvent
  extends MailingApiEvent<'deferred', MailingApiRefusalData> {}

export interface MailingApiOpenedEvent extends MailingApiEvent<'opened', MailingApiClientData> {}

export interface MailingApiClickedEvent extends MailingApiEvent<'clicked', MailingApiClickData> {}

export interface MailingApiUnsubscribedEvent
  extends MailingApiEvent<'unsubscribed', MailingApiClientData> {}

export interface MailingApiComplainedEvent extends MailingApiEvent<'complained', MailingApiData> {}

/** An e-mail arrived. */
export interface MailingApiInboundEvent extends MailingApiEvent<'inbound', MailingApiData> {}

/** Key of a handler's `on` to the event that it receives. */
export interface MailingApiEventMap {
  /** The receiving server took the e-mail. */
  delivered: MailingApiDeliveredEvent
  /** Refused, for good or for now. */
  bounced: MailingApiBouncedEvent
  /** Failed for now; will be tried again. */
  deferred: MailingApiDeferredEvent
  /** The e-mail was opened. */
  opened: MailingApiOpenedEvent
  /** A link was clicked. */
  clicked: MailingApiClickedEvent
  /** The recipient opted out. */
  unsubscribed: MailingApiUnsubscribedEvent
  /** The recipient complained. */
  complained: MailingApiComplainedEvent
  /** An e-mail arrived. */
  inbound: MailingApiInboundEvent
}
