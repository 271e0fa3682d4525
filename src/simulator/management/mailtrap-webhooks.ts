import {
  MAILTRAP_EVENT_TYPES,
  type MailtrapWebhook,
  PAYLOAD_FORMATS,
  SENDING_STREAMS,
  WEBHOOK_TYPES,
} from '../sending/webhook.ts'
import { type Fields, Refusal } from './refusal.ts'

/** What Mailtrap says of each wrong field. */
type FieldErrors = Readonly<Record<string, readonly string[]>>

/** The fields that a person decides. */
type MailtrapFields = Omit<
  MailtrapWebhook,
  'provider' | 'id' | 'secret' | 'oldSecret' | 'bothSignUntil' | 'createdAt'
>

const BLANK = "can't be blank"
const NOT_INCLUDED = 'is not included in the list'
const INVALID = 'is invalid'

const TYPES_WITH_EVENTS: readonly unknown[] = ['email_sending', 'campaigns']

/** The webhook that a `POST` asks for. Throws a Refusal that says what is wrong with which field. */
export function readNewWebhook(given: Fields): MailtrapFields {
  const { webhook_type: type } = given
  const needsEvents = TYPES_WITH_EVENTS.includes(type)
  refuseAny({
    url: urlErrors(given.url),
    webhook_type: choiceErrors(type, WEBHOOK_TYPES, true),
    sending_stream: choiceErrors(given.sending_stream, SENDING_STREAMS, type === 'email_sending'),
    event_types: eventErrors(given.event_types, needsEvents),
    payload_format: choiceErrors(given.payload_format, PAYLOAD_FORMATS, false),
    active: isFlag(given.active) ? [] : [NOT_INCLUDED],
    domain_id: isNumberOrNone(given.domain_id) ? [] : [INVALID],
    inbound_inbox_id: isNumberOrNone(given.inbound_inbox_id) ? [] : [INVALID],
  })
  return {
    url: String(given.url),
    type: type as MailtrapFields['type'],
    isActive: (given.active ?? true) === true,
    format: (given.payload_format ?? 'json') as MailtrapFields['format'],
    stream: type === 'email_sending' ? (given.sending_stream as MailtrapFields['stream']) : null,
    domainId: needsEvents ? numberOrNull(given.domain_id) : null,
    inboxId: type === 'inbound_receiving' ? numberOrNull(given.inbound_inbox_id) : null,
    eventTypes: needsEvents ? (given.event_types as string[]) : [],
  }
}

/** The webhook after a `PATCH`. Fields that cannot change are passed over: nothing is published. */
export function changeWebhook(webhook: MailtrapWebhook, given: Fields): MailtrapWebhook {
  const needsEvents = TYPES_WITH_EVENTS.includes(webhook.type)
  const isGiven = (name: string) => name in given
  refuseAny({
    url: isGiven('url') ? urlErrors(given.url) : [],
    active: isFlag(given.active) ? [] : [NOT_INCLUDED],
    payload_format: choiceErrors(given.payload_format, PAYLOAD_FORMATS, isGiven('payload_format')),
    event_types: needsEvents ? eventErrors(given.event_types, isGiven('event_types')) : [],
    inbound_inbox_id: isNumberOrNone(given.inbound_inbox_id) ? [] : [INVALID],
  })
  const isInbound = webhook.type === 'inbound_receiving' && isGiven('inbound_inbox_id')
  return {
    ...webhook,
    url: isGiven('url') ? String(given.url) : webhook.url,
    isActive: (given.active ?? webhook.isActive) === true,
    format: (given.payload_format ?? webhook.format) as MailtrapWebhook['format'],
    inboxId: isInbound ? numberOrNull(given.inbound_inbox_id) : webhook.inboxId,
    eventTypes:
      needsEvents && isGiven('event_types') ? (given.event_types as string[]) : webhook.eventTypes,
  }
}

/** As `GET` of one shows it: with a key that other answers were seen without. */
export function mailtrapDetailJson(webhook: MailtrapWebhook): Fields {
  const shown = mailtrapJson(webhook)
  return webhook.type === 'audit_log' ? shown : { ...shown, inbound_inbox_id: webhook.inboxId }
}

/** As the API shows it: each type with the keys that were seen of it. */
export function mailtrapJson(webhook: MailtrapWebhook): Fields {
  const { id, url, isActive: active, type, format, stream, domainId, inboxId } = webhook
  const base = { id, url, active, webhook_type: type, payload_format: format }
  if (type === 'audit_log') return base
  return {
    ...base,
    sending_stream: stream,
    domain_id: domainId,
    ...(type === 'inbound_receiving' ? { inbound_inbox_id: inboxId } : {}),
    event_types: webhook.eventTypes,
  }
}

function refuseAny(found: FieldErrors): void {
  const wrong = Object.entries(found).filter(([, texts]) => texts.length > 0)
  if (wrong.length > 0) throw new Refusal(422, { errors: Object.fromEntries(wrong) })
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}

function urlErrors(url: unknown): string[] {
  if (isBlank(url)) return [BLANK, INVALID]
  const isUrl = typeof url === 'string' && /^https?:\/\//.test(url) && URL.canParse(url)
  return isUrl ? [] : [INVALID]
}

function choiceErrors(value: unknown, choices: readonly unknown[], isRequired: boolean): string[] {
  if (isBlank(value)) return isRequired ? [BLANK] : []
  return choices.includes(value) ? [] : [NOT_INCLUDED]
}

function eventErrors(value: unknown, isRequired: boolean): string[] {
  if (isBlank(value) || (Array.isArray(value) && value.length === 0)) {
    return isRequired ? [BLANK] : []
  }
  const known: readonly unknown[] = MAILTRAP_EVENT_TYPES
  return Array.isArray(value) && value.every((type) => known.includes(type)) ? [] : [NOT_INCLUDED]
}

function isFlag(value: unknown): boolean {
  return value === undefined || typeof value === 'boolean'
}

function isNumberOrNone(value: unknown): boolean {
  return value === undefined || value === null || Number.isSafeInteger(value)
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
