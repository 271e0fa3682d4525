import type { EventFacts } from '../../model.ts'
import {
  type FieldsOf,
  idField,
  numberField,
  objectField,
  readObject,
  textField,
  tidyFields,
} from '../read-value.ts'

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
type MailingApiEventName = (typeof MAILINGAPI_EVENT_NAMES)[number]

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

interface MailingApiData {
  /** `msg_…` */
  message_id?: string | null | undefined
  from?: string | null | undefined
  /** The recipient. A list is inferred. */
  to?: string | string[] | null | undefined
  subject?: string | null | undefined
  /** As given when sending. */
  metadata?: Record<string, unknown> | null | undefined
}

interface MailingApiDeliveredData extends MailingApiData {
  /** ISO 8601. */
  delivered_at?: string | null | undefined
}

/** Everything here is inferred. */
interface MailingApiRefusalData extends MailingApiData {
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
interface MailingApiClientData extends MailingApiData {
  /** Inferred. */
  ip?: string | null | undefined
  /** Inferred. */
  user_agent?: string | null | undefined
}

interface MailingApiLinkData extends MailingApiClientData {
  /** Inferred: where the link leads. */
  url?: string | null | undefined
}

/** Key of a handler's `on` to the event that it receives. */
export interface MailingApiEventMap {
  /** The receiving server took the e-mail. */
  delivered: MailingApiEvent<'delivered', MailingApiDeliveredData>
  /** Refused, for good OR for now: the provider's texts disagree. */
  bounced: MailingApiEvent<'bounced', MailingApiRefusalData>
  /** Failed for now; will be tried again. */
  deferred: MailingApiEvent<'deferred', MailingApiRefusalData>
  /** The e-mail was opened. */
  opened: MailingApiEvent<'opened', MailingApiClientData>
  /** A link was clicked. */
  clicked: MailingApiEvent<'clicked', MailingApiLinkData>
  /** The recipient opted out. */
  unsubscribed: MailingApiEvent<'unsubscribed', MailingApiClientData>
  /** The recipient complained. */
  complained: MailingApiEvent<'complained', MailingApiData>
  /** An e-mail arrived. */
  inbound: MailingApiEvent<'inbound', MailingApiData>
}

export type MailingApiDeliveredEvent = MailingApiEventMap['delivered']
export type MailingApiBouncedEvent = MailingApiEventMap['bounced']
export type MailingApiDeferredEvent = MailingApiEventMap['deferred']
export type MailingApiOpenedEvent = MailingApiEventMap['opened']
export type MailingApiClickedEvent = MailingApiEventMap['clicked']
export type MailingApiUnsubscribedEvent = MailingApiEventMap['unsubscribed']
export type MailingApiComplainedEvent = MailingApiEventMap['complained']
export type MailingApiInboundEvent = MailingApiEventMap['inbound']

function toField(value: unknown): string | string[] | null | undefined {
  const isList = Array.isArray(value) && value.every((one) => typeof one === 'string')
  return isList ? value : textField(value)
}

const shared: FieldsOf<MailingApiData> = {
  message_id: idField,
  from: textField,
  to: toField,
  subject: textField,
  metadata: objectField,
}
const refused: FieldsOf<MailingApiRefusalData> = {
  ...shared,
  bounce_type: textField,
  type: textField,
  code: numberField,
  reason: textField,
  smtp_response: textField,
}
const client: FieldsOf<MailingApiClientData> = {
  ...shared,
  ip: textField,
  user_agent: textField,
}

/** A field whose kind differs from its type does not compile. */
const DATA_FIELDS: {
  readonly [Name in keyof MailingApiEventMap]: FieldsOf<MailingApiEventMap[Name]['data']>
} = {
  delivered: { ...shared, delivered_at: textField },
  bounced: refused,
  deferred: refused,
  opened: client,
  clicked: { ...client, url: textField },
  unsubscribed: client,
  complained: shared,
  inbound: shared,
}

const FIELDS_BY_TYPE = new Map(Object.entries(DATA_FIELDS))

/** The event as its type promises it; an unknown one as it came. */
export function tidyMailingApiEvent(
  event: Readonly<Record<string, unknown>>,
  { type }: EventFacts,
): Record<string, unknown> {
  const fields = FIELDS_BY_TYPE.get(type)
  if (!fields) return { ...event }
  const data = tidyFields({ ...readObject(event.data) }, fields)
  return tidyFields({ ...event, type, data }, { id: idField, timestamp: textField })
}
