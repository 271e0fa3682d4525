import { unifyName } from '../../providers/mailtrap/event-names.ts'
import type { StreamSpec } from '../samples/event-stream.ts'
import type { Webhook } from './webhook.ts'

/** What kind of events come to it, and which of them. */
export type StreamKind = Pick<
  StreamSpec,
  'provider' | 'family' | 'types' | 'sendingStream' | 'inboxId'
>

const MAILINGAPI_KIND = {
  provider: 'mailingapi',
  family: 'mailingapi',
  sendingStream: null,
  inboxId: null,
} as const

/** The stream that such a webhook would get. */
export function streamKindFor(webhook: Webhook): StreamKind {
  if (webhook.provider === 'mailingapi') {
    const { events: types } = webhook
    return { ...MAILINGAPI_KIND, types }
  }
  const { stream: sendingStream, inboxId, type } = webhook
  const family = ['mailtrap', type, sendingStream ?? inboxId ?? 'all'].join('/')
  return { provider: 'mailtrap', family, types: typesFor(webhook), sendingStream, inboxId }
}

function typesFor(webhook: Extract<Webhook, { provider: 'mailtrap' }>): readonly string[] {
  if (webhook.type === 'audit_log') return ['activity_log.user.updated']
  if (webhook.type === 'inbound_receiving') return ['inbound.message_received']
  return webhook.eventTypes.map(unifyName)
}
