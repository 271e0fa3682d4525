import type { EventFacts } from '../../model.ts'
import {
  type FieldReaders,
  idField,
  numberField,
  objectField,
  readObject,
  type Tidied,
  textField,
  tidyFields,
} from '../read-value.ts'

/**
 * MailingAPI's events as handlers receive them. Published are the envelope, the eight types and a
 * few fields of `data`. Fields marked "inferred" are guesses that no document backs; they are typed
 * so that they can be used when they turn up. Fields that are not listed are a type error, so
 * that a misspelt one is: find them in the context's `original`.
 */

/** What all types share around their `data`. */
const envelope = {
  /** `evt_…` */
  id: idField,
  /** When it happened, ISO 8601. */
  timestamp: textField,
}

const shared = {
  /** `msg_…` */
  message_id: idField,
  from: textField,
  /** The recipient. A list is inferred. */
  to: toField,
  subject: textField,
  /** As given when sending. */
  metadata: objectField,
}

const delivered = {
  ...shared,
  /** ISO 8601. */
  delivered_at: textField,
}

const refused = {
  ...shared,
  /** Inferred: `permanent` or `temporary`. Absent: unknown; do not suppress on that alone. */
  bounce_type: textField,
  /** Inferred: another name of `bounce_type`. */
  type: textField,
  /** Inferred: SMTP status. */
  code: numberField,
  /** Inferred: free text. */
  reason: textField,
  /** Inferred: what the receiving server said. */
  smtp_response: textField,
}

const client = {
  ...shared,
  /** Inferred. */
  ip: textField,
  /** Inferred. */
  user_agent: textField,
}

const clicked = {
  ...client,
  /** Inferred: where the link leads. */
  url: textField,
}

/** Of each type the fields of its `data`. */
const DATA_FIELDS = {
  /** The receiving server took the e-mail. */
  delivered,
  /** Refused, for good OR for now: the provider's texts disagree. */
  bounced: refused,
  /** Failed for now; will be tried again. */
  deferred: refused,
  /** The e-mail was opened. */
  opened: client,
  /** A link was clicked. */
  clicked,
  /** The recipient opted out. */
  unsubscribed: client,
  /** The recipient complained. */
  complained: shared,
  /** An e-mail arrived. */
  inbound: shared,
}

/** Key of a handler's `on` to the event that it receives. */
export type MailingApiEventMap = {
  [Name in keyof typeof DATA_FIELDS]: { type: Name } & Tidied<typeof envelope> & {
      /** Always an object here; empty when the provider sent none. */
      data: Tidied<(typeof DATA_FIELDS)[Name]>
    }
}

export const MAILINGAPI_EVENT_NAMES = Object.keys(
  DATA_FIELDS,
) as readonly (keyof MailingApiEventMap)[]

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

const FIELDS_BY_TYPE = new Map<string, FieldReaders>(Object.entries(DATA_FIELDS))

/** The event as its type promises it; an unknown one as it came. */
export function tidyMailingApiEvent(
  event: Readonly<Record<string, unknown>>,
  { type }: EventFacts,
): Record<string, unknown> {
  const fields = FIELDS_BY_TYPE.get(type)
  if (!fields) return { ...event }
  const data = tidyFields({ ...readObject(event.data) }, fields)
  return tidyFields({ ...event, type, data }, envelope)
}
