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

export const WEBHOOK_TYPES = [
  'email_sending',
  'campaigns',
  'audit_log',
  'inbound_receiving',
] as const
type WebhookType = (typeof WEBHOOK_TYPES)[number]

export const PAYLOAD_FORMATS = ['json', 'jsonlines'] as const
type PayloadFormat = (typeof PAYLOAD_FORMATS)[number]

export const SENDING_STREAMS = ['transactional', 'bulk'] as const
type SendingStream = (typeof SENDING_STREAMS)[number]

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
type MailingApiStatus = 'active' | 'paused' | 'failing' | 'disabled'

export interface MailingApiWebhook extends CommonWebhook {
  readonly provider: 'mailingapi'
  readonly id: string
  readonly status: MailingApiStatus
  readonly events: readonly string[]
  readonly description: string | undefined
  readonly updatedAt: number
  readonly stats: MailingApiStats
}

interface MailingApiStats {
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

const FIRST_NUMBER = 9001

/** The webhooks of both providers, oldest first. */
export class WebhookBook {
  readonly #webhooks: Map<string, Webhook>
  #lastNumber: number

  constructor(kept: readonly Webhook[] = []) {
    this.#webhooks = new Map(kept.map((webhook) => [webhookKey(webhook), webhook]))
    const numbers = kept.map(({ id }) => (typeof id === 'number' ? id : 0))
    this.#lastNumber = Math.max(FIRST_NUMBER - 1, ...numbers)
  }

  list(): readonly Webhook[] {
    return [...this.#webhooks.values()]
  }

  ofProvider<Name extends Webhook['provider']>(provider: Name) {
    type Own = Extract<Webhook, { provider: Name }>
    return this.list().filter((webhook): webhook is Own => webhook.provider === provider)
  }

  find(key: string): Webhook | undefined {
    return this.#webhooks.get(key)
  }

  /** Adds it, or puts it in the place of the one with its key. */
  put(webhook: Webhook): void {
    this.#webhooks.set(webhookKey(webhook), webhook)
  }

  remove(webhook: Webhook): void {
    this.#webhooks.delete(webhookKey(webhook))
  }

  /** For Mailtrap's next one. */
  nextNumber(): number {
    return ++this.#lastNumber
  }
}

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

/** What kind of events come to it, and which of them. */
type StreamKind = Pick<StreamSpec, 'provider' | 'family' | 'types' | 'sendingStream' | 'inboxId'>

/** The stream that such a webhook would get. */
export function streamKindFor(webhook: Webhook): StreamKind {
  const { provider } = webhook
  if (provider === 'mailingapi') {
    const { events: types } = webhook
    return { provider, family: provider, types, sendingStream: null, inboxId: null }
  }
  const { stream: sendingStream, inboxId, type } = webhook
  const family = [provider, type, sendingStream ?? inboxId ?? 'all'].join('/')
  return { provider, family, types: typesFor(webhook), sendingStream, inboxId }
}

function typesFor(webhook: Extract<Webhook, { provider: 'mailtrap' }>): readonly string[] {
  if (webhook.type === 'audit_log') return ['activity_log.user.updated']
  if (webhook.type === 'inbound_receiving') return ['inbound.message_received']
  return webhook.eventTypes.map(unifyName)
}

/** From so many failures in a row on, MailingAPI calls a webhook failing. Assumed. */
const FAILING_FROM = 3

/** The webhook as the provider sees it after an attempt that ended so. */
export function noteAttempt(webhook: Webhook, end: AttemptEnd, now: number): Webhook {
  if (webhook.provider === 'mailingapi') return noteMailingApi(webhook, end, now)
  return end === 'given_up' ? { ...webhook, isActive: false } : webhook
}

function noteMailingApi(
  webhook: MailingApiWebhook,
  end: AttemptEnd,
  now: number,
): MailingApiWebhook {
  const { stats, status } = webhook
  const sent = stats.sent + 1
  if (end === 'sent') {
    const kept = { ...stats, sent, failedInARow: 0, lastSuccess: now }
    return { ...webhook, status: status === 'failing' ? 'active' : status, stats: kept }
  }
  const failedInARow = stats.failedInARow + 1
  return {
    ...webhook,
    status: statusAfterFailure(webhook, end, failedInARow),
    stats: { ...stats, sent, failed: stats.failed + 1, failedInARow, lastFailure: now },
  }
}

function statusAfterFailure(
  { status }: MailingApiWebhook,
  end: AttemptEnd,
  failedInARow: number,
): MailingApiWebhook['status'] {
  if (end === 'given_up') return 'disabled'
  return status === 'active' && failedInARow >= FAILING_FROM ? 'failing' : status
}
