import type { Faults } from '../sending/faults.ts'
import type { AttemptRecord } from '../sending/lane.ts'
import type { Simulator } from '../simulator.ts'
import { type Webhook, webhookKey } from '../webhooks/webhook.ts'

export interface WebhookStatusJson {
  readonly webhook: string
  /** Without what may be secret. */
  readonly url: string
  readonly kind: string
  /** `active`, `paused`, and for MailingAPI `failing` or `disabled`. */
  readonly state: string
  readonly events_wanted: number
  readonly events_sent: number
  readonly events_queued: number
  readonly batches_queued: number
  readonly attempts: number
  /** Attempts by status, or by why there was none. */
  readonly answers: Readonly<Record<string, number>>
}

export interface AttemptJson {
  readonly at: string
  readonly webhook: string
  readonly batch: number
  readonly attempt: number
  readonly events: number
  readonly status: number | string
  readonly answer: string
  readonly duration_ms: number
  readonly end: string
}

export interface StatusJson {
  readonly clock: { readonly now: string; readonly speed: number }
  readonly faults: Faults
  readonly webhooks: readonly WebhookStatusJson[]
  /** The latest, newest first. */
  readonly attempts: readonly AttemptJson[]
}

/** Everything that the simulator shows of itself. */
export function statusJson(simulator: Simulator): StatusJson {
  return {
    clock: clockJson(simulator),
    faults: simulator.faults,
    webhooks: simulator.webhooks.list().map((webhook) => webhookStatus(webhook, simulator)),
    attempts: simulator.attempts().map(attemptJson),
  }
}

export function clockJson({ clock }: Simulator): StatusJson['clock'] {
  return { now: new Date(clock.now()).toISOString(), speed: clock.speed }
}

export function attemptJson(record: AttemptRecord): AttemptJson {
  const { at, durationMs, ...others } = record
  return { at: new Date(at).toISOString(), ...others, duration_ms: Math.round(durationMs) }
}

function webhookStatus(webhook: Webhook, simulator: Simulator): WebhookStatusJson {
  const lane = simulator.lane(webhook)
  const { origin, pathname } = new URL(webhook.url)
  return {
    webhook: webhookKey(webhook),
    url: `${origin}${pathname}`,
    kind: describeKind(webhook),
    state: describeState(webhook),
    events_wanted: lane?.tally.wanted ?? 0,
    events_sent: lane?.tally.sent ?? 0,
    events_queued: lane?.queue.events ?? 0,
    batches_queued: lane?.queue.batches ?? 0,
    attempts: lane?.tally.attempts ?? 0,
    answers: lane?.tally.answers ?? {},
  }
}

function describeKind(webhook: Webhook): string {
  if (webhook.provider === 'mailingapi') return 'one event a request'
  const { type, stream, format } = webhook
  return [type, stream, format].filter((part) => part !== null).join(', ')
}

function describeState(webhook: Webhook): string {
  if (webhook.provider === 'mailingapi') return webhook.status
  return webhook.isActive ? 'active' : 'paused'
}
