import type { EventFacts } from '../../model.ts'
import { isObject, readText } from '../read-value.ts'
import { unifyName } from './describe-event.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * The id that an event of the e-mail log gets, which has none there: its message, type and second. An
 * event that comes by webhook is the same if it would have this id. Undefined: one of them is missing.
 */
export function mailtrapBackfillId({
  type,
  messageId,
  occurredAt,
}: Pick<EventFacts, 'type' | 'messageId' | 'occurredAt'>): string | undefined {
  if (messageId === undefined || occurredAt === undefined) return undefined
  return `backfilled/${messageId}/${type}/${Math.floor(occurredAt / 1_000)}`
}

/**
 * Events of one message of the e-mail log, as they would have come by webhook, marked `backfilled`;
 * of those between two times (milliseconds since 1970). The log has no id, and of several of one type
 * in one second it cannot be told whether they are one: they become one. Never throws.
 */
export function readLoggedEvents(
  message: unknown,
  { from, to }: { readonly from: number; readonly to: number },
): Record<string, unknown>[] {
  if (!isObject(message) || !Array.isArray(message.events)) return []
  const events = message.events.flatMap((one) => toEvent(message, one) ?? [])
  const within = events.filter(
    ({ timestamp }) => timestamp * 1_000 >= from && timestamp * 1_000 < to,
  )
  return [...new Map(within.map((event) => [event.event_id, event])).values()]
}

function toEvent(message: Fields, logged: unknown) {
  if (!isObject(logged)) return undefined
  const name = readText(logged.event_type)
  const messageId = readText(message.message_id)
  const occurredAt = Date.parse(String(logged.created_at))
  if (name === undefined || Number.isNaN(occurredAt)) return undefined
  const type = unifyName(name)
  const id = mailtrapBackfillId({ type, messageId, occurredAt })
  if (id === undefined) return undefined
  return {
    event: type,
    backfilled: true,
    event_id: id,
    timestamp: Math.floor(occurredAt / 1_000),
    email: message.to,
    message_id: messageId,
    sending_stream: message.sending_stream,
    category: message.category,
    custom_variables: message.custom_variables,
    ...detailsOf(isObject(logged.details) ? logged.details : {}),
  }
}

/** What the log has under other names than payloads; null is left out. */
function detailsOf(details: Fields): Fields {
  const response = readText(details.email_service_provider_response)
  const code = Number(/^\d{3}/.exec(String(details.email_service_provider_status ?? response))?.[0])
  const fields = {
    ip: details.web_ip_address,
    url: details.click_url,
    response,
    response_code: code || undefined,
    bounce_category: details.bounce_category,
    reason: details.reject_reason,
  }
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  )
}
