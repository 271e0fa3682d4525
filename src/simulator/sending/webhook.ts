import { unifyName } from '../../providers/mailtrap/describe-event.ts'
import type { BodyFormat } from '../../providers/outgoing-batch.ts'
import type { SampleEvent } from '../../providers/samples.ts'
import type { StreamSpec } from '../samples/event-stream.ts'
import type { AttemptEnd } from './webhook-queue.ts'

/** What both providers' webhooks have. */
interface CommonWebhook {
  readonly url: string
  readonly secret: string
  /** The one before the last reset. */
  readonly oldSecret: string | undefined
  /** MailingAPI only: until then both secrets sign, by the simulator's clock. */
  readonly bothSignUntil: number | undefined
  /** Milliseconds since 1970, by the simulator's clock. */
  readonly createdAt: number
}

/* As Mailtrap's management API spells them. */
export const WEBHOOK_TYPES = [
  'email_sending',
  'campaigns',
  'audit_log',
  'inbound_receiving',
] as const
export const PAYLOAD_FORMATS = ['json', 'jsonlines'] as const
export const SENDING_STREAMS = ['transactional', 'bulk'] as const
export const MAILTRAP_EVENT_TYPES = [
  'delivery',
  'soft_bounce',
  'bounce',
  'suspension',
  'unsubscribe',
  'open',
  'spam_complaint',
  'click',
  'reject',
] as const

export interface MailtrapWebhook extends CommonWebhook {
  readonly provider: 'mailtrap'
  readonly id: number
  readonly isActive: boolean
  readonly type: (typeof WEBHOOK_TYPES)[number]
  readonly format: (typeof PAYLOAD_FORMATS)[number]
  readonly stream: (typeof SENDING_STREAMS)[number] | null
  readonly domainId: number | null
  readonly inboxId: number | null
  readonly eventTypes: readonly string[]
}

export interface MailingApiWebhook extends CommonWebhook {
  readonly provider: 'mailingapi'
  readonly id: string
  /** `failing` after several failures in a row; `disabled` for good. */
  readonly status: 'active' | 'paused' | 'failing' | 'disabled'
  readonly events: readonly string[]
  readonly description: string | undefined
  readonly updatedAt: number
  readonly stats: {
    readonly sent: number
    readonly failed: number
    readonly failedInARow: number
    readonly lastSuccess: number | undefined
    readonly lastFailure: number | undefined
  }
}

export type Webhook = MailtrapWebhook | MailingApiWebhook

/** Names a webhook of either provider: `mailtrap/9001`. */
export function webhookKey({ provider, id }: Pick<Webhook, 'provider' | 'id'>): string {
  return `${provider}/${id}`
}

/** Whether anything is sent to it at present. */
export function isSending(webhook: Webhook): boolean {
  if (webhook.provider === 'mailtrap') return webhook.isActive
  return webhook.status === 'active' || webhook.status === 'failing'
}

/** In which form its events are sent. */
export function bodyFormat(webhook: Webhook): BodyFormat {
  if (webhook.provider === 'mailingapi') return 'object'
  return webhook.format === 'jsonlines' ? 'jsonl' : 'json'
}

/** Whether the provider would send the event to this webhook. */
export function wantsEvent(webhook: Webhook, event: SampleEvent): boolean {
  if (webhook.provider === 'mailingapi') return webhook.events.includes(String(event.type))
  if (typeof event.event !== 'string') return false
  const name = unifyName(event.event)
  const { type, inboxId, stream } = webhook
  if (type === 'audit_log') return name.startsWith('activity_log.')
  if (type === 'inbound_receiving') {
    return name === 'inbound.message_received' && [null, event.inbox_id].includes(inboxId)
  }
  // Assumed: events of campaigns name no stream.
  const isStream = event.sending_stream === (type === 'campaigns' ? undefined : stream)
  return isStream && webhook.eventTypes.some((one) => unifyName(one) === name)
}

/** The stream that such a webhook would get: what kind of events, and which of them. */
export function streamKindFor(
  webhook: Webhook,
): Pick<StreamSpec, 'provider' | 'family' | 'types' | 'sendingStream' | 'inboxId'> {
  const { provider } = webhook
  if (provider === 'mailingapi') {
    const { events: types } = webhook
    return { provider, family: provider, types, sendingStream: null, inboxId: null }
  }
  const { stream: sendingStream, inboxId, type } = webhook
  const family = [provider, type, sendingStream ?? inboxId ?? 'all'].join('/')
  const types = OTHER_TYPES[type] ?? webhook.eventTypes.map(unifyName)
  return { provider, family, types, sendingStream, inboxId }
}

/** Of the kinds for which nobody chooses events. */
const OTHER_TYPES: Readonly<Record<string, readonly string[]>> = {
  audit_log: ['activity_log.user.updated'],
  inbound_receiving: ['inbound.message_received'],
}

/** From so many failures in a row on, MailingAPI calls a webhook failing. Assumed. */
const FAILING_FROM = 3

/** The webhook as the provider sees it after an attempt that ended so. */
export function noteAttempt(webhook: Webhook, end: AttemptEnd, now: number): Webhook {
  if (webhook.provider === 'mailtrap') {
    return end === 'given_up' ? { ...webhook, isActive: false } : webhook
  }
  const { stats, status } = webhook
  const sent = stats.sent + 1
  if (end === 'sent') {
    const kept = { ...stats, sent, failedInARow: 0, lastSuccess: now }
    return { ...webhook, status: status === 'failing' ? 'active' : status, stats: kept }
  }
  const failedInARow = stats.failedInARow + 1
  const isFailing = status === 'active' && failedInARow >= FAILING_FROM
  return {
    ...webhook,
    status: end === 'given_up' ? 'disabled' : isFailing ? 'failing' : status,
    stats: { ...stats, sent, failed: stats.failed + 1, failedInARow, lastFailure: now },
  }
}
