import type { BodyFormat } from '../pack-batch.ts'

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

export const WEBHOOK_TYPES = [
  'email_sending',
  'campaigns',
  'audit_log',
  'inbound_receiving',
] as const
export type WebhookType = (typeof WEBHOOK_TYPES)[number]

export const PAYLOAD_FORMATS = ['json', 'jsonlines'] as const
export type PayloadFormat = (typeof PAYLOAD_FORMATS)[number]

export const SENDING_STREAMS = ['transactional', 'bulk'] as const
export type SendingStream = (typeof SENDING_STREAMS)[number]

/** As Mailtrap's management API spells them. */
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
  readonly type: WebhookType
  readonly format: PayloadFormat
  readonly stream: SendingStream | null
  readonly domainId: number | null
  readonly inboxId: number | null
  readonly eventTypes: readonly string[]
}

/** `failing` after several failures in a row; `disabled` for good. */
export type MailingApiStatus = 'active' | 'paused' | 'failing' | 'disabled'

export interface MailingApiWebhook extends CommonWebhook {
  readonly provider: 'mailingapi'
  readonly id: string
  readonly status: MailingApiStatus
  readonly events: readonly string[]
  readonly description: string | undefined
  readonly updatedAt: number
  readonly stats: MailingApiStats
}

export interface MailingApiStats {
  readonly sent: number
  readonly failed: number
  readonly failedInARow: number
  readonly lastSuccess: number | undefined
  readonly lastFailure: number | undefined
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
