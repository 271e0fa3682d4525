import type { Colour } from '../terminal/paint.ts'
import { safeText } from '../terminal/safe-text.ts'
import type { Column } from '../terminal/table.ts'
import type { Fields } from './api-refusal.ts'

/** Answers of both providers; keys may be missing. */
export const webhookColumns: readonly Column<Fields>[] = [
  { title: 'ID', text: ({ id }) => show(id) },
  { title: 'STATE', text: stateOf, colour: colourOf },
  { title: 'TYPE', text: ({ webhook_type: type }) => show(type) },
  { title: 'STREAM', text: ({ sending_stream: stream }) => show(stream) },
  { title: 'FORMAT', text: ({ payload_format: format }) => show(format) },
  {
    title: 'EVENTS',
    text: (webhook) => show(webhook.event_types ?? webhook.events),
    mayShrink: true,
  },
  { title: 'URL', text: ({ url }) => show(url) },
]

export const mailingApiColumns = webhookColumns.filter(
  ({ title }) => !['TYPE', 'STREAM', 'FORMAT'].includes(title),
)

/** Every field of one webhook, a line each. */
export function describeWebhook(webhook: Fields): string {
  const lines = Object.entries(webhook).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([inner, one]) => [`${name}.${inner}`, show(one)])
      : [[name, show(value)]],
  )
  const width = Math.max(...lines.map(([name = '']) => name.length))
  return lines
    .map(([name = '', text = '']) => `${safeText(name.padEnd(width))}  ${safeText(text)}\n`)
    .join('')
}

function stateOf({ active, status }: Fields): string {
  if (typeof status === 'string') return status
  return active === false ? 'paused' : 'active'
}

function colourOf(webhook: Fields): Colour {
  return stateOf(webhook) === 'active' ? 'green' : 'red'
}

function show(value: unknown): string {
  if (value === undefined || value === null) return '-'
  return Array.isArray(value) ? value.join(', ') || '-' : String(value)
}
