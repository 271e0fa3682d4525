import type { AttemptInfo } from '../handler-context.ts'

/** An event in the form in which teams get it, in whatever language: the same on every way. */
export function writeEvent(event: AttemptInfo): string {
  const { type, name, occurredAt, receivedAt, provider, source, recipient, messageId } = event
  const data = JSON.stringify({
    id: event.idempotencyKey,
    provider,
    source,
    receivedAt,
    recipient: recipient ?? null,
    messageId: messageId ?? null,
  })
  const head = JSON.stringify({ type: name ?? type, timestamp: occurredAt ?? receivedAt })
  return `${head.slice(0, -1)},"data":${data.slice(0, -1)},"event":${toJson(event)}}}`
}

/** The text as received; what came as a form has none that is JSON. */
export function toJson({ payload, original }: AttemptInfo): string {
  return payload.startsWith('{') ? payload : JSON.stringify(original)
}
