import type { Faults } from '../sending/faults.ts'
import type { AttemptRecord } from '../sending/senders.ts'
import { type Webhook, webhookKey } from '../sending/webhook.ts'
import type { Simulator } from '../simulator.ts'

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
    attempts: simulator.attempts.map(attemptJson),
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
  const sender = simulator.senders.find(webhook)
  const { origin, pathname } = new URL(webhook.url)
  return {
    webhook: webhookKey(webhook),
    url: `${origin}${pathname}`,
    kind: describeKind(webhook),
    state: describeState(webhook),
    events_wanted: sender?.tally.wanted ?? 0,
    events_sent: sender?.tally.sent ?? 0,
    events_queued: sender?.queue.events ?? 0,
    batches_queued: sender?.queue.batches ?? 0,
    attempts: sender?.tally.attempts ?? 0,
    answers: sender?.tally.answers ?? {},
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

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884 }
td.figure, th.figure { text-align: right; font-variant-numeric: tabular-nums }
.bad { color: #c22 } .good { color: #283 }
:root { color-scheme: light dark }`

const SHOWN_ATTEMPTS = 40

interface Cell<Row> {
  readonly title: string
  readonly text: (row: Row) => string
  readonly isFigure?: boolean
  readonly mood?: (row: Row) => 'good' | 'bad' | ''
}

const WEBHOOK_CELLS: readonly Cell<WebhookStatusJson>[] = [
  { title: 'webhook', text: ({ webhook }) => webhook },
  {
    title: 'state',
    text: ({ state }) => state,
    mood: ({ state }) => (state === 'active' ? 'good' : 'bad'),
  },
  { title: 'kind', text: ({ kind }) => kind },
  { title: 'url', text: ({ url }) => url },
  { title: 'wanted', text: ({ events_wanted: count }) => String(count), isFigure: true },
  { title: 'sent', text: ({ events_sent: count }) => String(count), isFigure: true },
  { title: 'queued', text: ({ events_queued: count }) => String(count), isFigure: true },
  { title: 'batches', text: ({ batches_queued: count }) => String(count), isFigure: true },
  { title: 'answers', text: ({ answers }) => describeAnswers(answers) },
]

const ATTEMPT_CELLS: readonly Cell<AttemptJson>[] = [
  { title: 'at', text: ({ at }) => at.slice(0, 19).replace('T', ' ') },
  { title: 'webhook', text: ({ webhook }) => webhook },
  { title: 'batch', text: ({ batch }) => String(batch), isFigure: true },
  { title: 'attempt', text: ({ attempt }) => String(attempt), isFigure: true },
  { title: 'events', text: ({ events }) => String(events), isFigure: true },
  {
    title: 'answer',
    text: ({ status, answer }) => `${status} ${answer.slice(0, 80)}`,
    mood: ({ status }) => (status === 200 ? 'good' : 'bad'),
  },
  { title: 'ms', text: ({ duration_ms: ms }) => String(ms), isFigure: true },
]

/** A page that shows itself anew every two seconds. */
export function statusPage({ clock, faults, webhooks, attempts }: StatusJson): string {
  const named = Object.entries(faults).map(([name, share]) => `${name} ${share}`)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>Simulated Mailtrap and MailingAPI</title><style>${STYLE}</style></head><body>
<h1>Simulated Mailtrap and MailingAPI</h1>
<p>Its clock shows ${escapeText(clock.now.slice(0, 19).replace('T', ' '))} and runs at
${clock.speed} times our time. Faults: ${escapeText(named.join(', ') || 'none')}.</p>
<h2>Webhooks</h2>${table(WEBHOOK_CELLS, webhooks, 'None yet: mailtrap-receiver webhooks create')}
<h2>Latest attempts</h2>${table(ATTEMPT_CELLS, attempts.slice(0, SHOWN_ATTEMPTS), 'None yet.')}
</body></html>
`
}

function table<Row>(cells: readonly Cell<Row>[], rows: readonly Row[], whenEmpty: string): string {
  if (rows.length === 0) return `<p>${escapeText(whenEmpty)}</p>`
  const head = cells.map((cell) => `<th class="${classOf(cell)}">${cell.title}</th>`)
  const body = rows.map((row) => {
    const texts = cells.map((cell) => {
      return `<td class="${classOf(cell)} ${cell.mood?.(row) ?? ''}">${escapeText(cell.text(row))}</td>`
    })
    return `<tr>${texts.join('')}</tr>`
  })
  return `<table><tr>${head.join('')}</tr>${body.join('')}</table>`
}

function classOf({ isFigure = false }: { readonly isFigure?: boolean }): string {
  return isFigure ? 'figure' : ''
}

function describeAnswers(answers: WebhookStatusJson['answers']): string {
  return Object.entries(answers)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
}
