import { unifyName } from '../../providers/mailtrap/event-names.ts'
import type { SampleEvent } from '../samples/sample-facts.ts'
import type { MailtrapWebhook, Webhook } from './webhook.ts'

/** Whether the provider would send the event to this webhook. */
export function wantsEvent(webhook: Webhook, event: SampleEvent): boolean {
  if (webhook.provider === 'mailingapi') return webhook.events.includes(String(event.type))
  if (typeof event.event !== 'string') return false
  const name = unifyName(event.event)
  switch (webhook.type) {
    case 'audit_log':
      return name.startsWith('activity_log.')
    case 'inbound_receiving':
      return wantsInbound(webhook, name, event)
    case 'email_sending':
      return event.sending_stream === webhook.stream && wantsName(webhook, name)
    case 'campaigns':
      // Assumed: these events name no stream.
      return event.sending_stream === undefined && wantsName(webhook, name)
  }
}

function wantsName({ eventTypes }: MailtrapWebhook, name: string): boolean {
  return eventTypes.some((type) => unifyName(type) === name)
}

function wantsInbound({ inboxId }: MailtrapWebhook, name: string, event: SampleEvent): boolean {
  const isInbox = inboxId === null || event.inbox_id === inboxId
  return name === 'inbound.message_received' && isInbox
}
