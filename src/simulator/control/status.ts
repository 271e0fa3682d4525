import type { Sender } from '../sending/senders.ts'
import { type Webhook, webhookKey } from '../sending/webhook.ts'
import type { Simulator } from '../simulator.ts'

export type StatusJson = ReturnType<typeof statusJson>

/** Everything that the simulator shows of itself. */
export function statusJson(simulator: Simulator) {
  return {
    clock: clockJson(simulator),
    faults: simulator.faults,
    webhooks: simulator.senders.list().map(webhookStatus),
    /** The latest, newest first. */
    attempts: simulator.attempts,
  }
}

export function clockJson({ clock }: Simulator) {
  return { now: new Date(clock.now()).toISOString(), speed: clock.speed }
}

function webhookStatus({ webhook, queue, tally }: Sender) {
  const { origin, pathname } = new URL(webhook.url)
  return {
    webhook: webhookKey(webhook),
    ...describeWebhook(webhook),
    /** Without what may be secret. */
    url: `${origin}${pathname}`,
    events_wanted: tally.wanted,
    events_sent: tally.sent,
    events_queued: queue.events,
    batches_queued: queue.batches,
    attempts: tally.attempts,
    /** Attempts by status, or by why there was none. */
    answers: tally.answers,
  }
}

function describeWebhook(webhook: Webhook): { readonly state: string; readonly kind: string } {
  if (webhook.provider === 'mailingapi') {
    return { state: webhook.status, kind: 'one event a request' }
  }
  const { isActive, type, stream, format } = webhook
  const kind = [type, stream, format].filter((part) => part !== null).join(', ')
  return { state: isActive ? 'active' : 'paused', kind }
}

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884 }
td.bad { color: #c22 }
.number { text-align: right; font-variant-numeric: tabular-nums }
:root { color-scheme: light dark }`

const SHOWN_ATTEMPTS = 40

/** A page that shows itself anew every two seconds. */
export function statusPage({ clock, faults, webhooks, attempts }: StatusJson): string {
  const named = Object.entries(faults).map(([name, share]) => `${name} ${share}`)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>Simulated Mailtrap and MailingAPI</title><style>${STYLE}</style></head><body>
<h1>Simulated Mailtrap and MailingAPI</h1>
<p>Its clock shows ${clock.now.slice(0, 19).replace('T', ' ')} and runs at
${clock.speed} times our time. Faults: ${named.join(', ') || 'none'}.</p>
<h2>Webhooks</h2>${table(webhooks, 'None yet: mailtrap-receiver webhooks create')}
<h2>Latest attempts</h2>${table(attempts.slice(0, SHOWN_ATTEMPTS), 'None yet.')}
</body></html>
`
}

/** A column for each field, under its name. */
function table(rows: readonly object[], whenEmpty: string): string {
  const [first] = rows
  if (first === undefined) return `<p>${whenEmpty}</p>`
  const head = Object.entries(first).map(
    ([name, value]) => `<th class="${typeof value}">${name.replaceAll('_', ' ')}</th>`,
  )
  const body = rows.map((row) => {
    const cells = Object.entries(row).map(([name, value]) => {
      const right: unknown = { state: 'active', status: 200 }[name] ?? value
      const look = `${typeof value}${value === right ? '' : ' bad'}`
      return `<td class="${look}">${describeValue(value)}</td>`
    })
    return `<tr>${cells.join('')}</tr>`
  })
  return `<table><tr>${head.join('')}</tr>${body.join('')}</table>`
}

/** Of an object, such as the answers by status, `200: 4, 503: 1`. */
function describeValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return escapeText(String(value).slice(0, 120))
  return Object.entries(value)
    .map(([name, one]) => `${escapeText(name)}: ${one}`)
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
