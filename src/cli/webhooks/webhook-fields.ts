import { dropUndefined } from '../../admin/answer-parts.ts'
import type { Fields } from '../../guardian/management-failure.ts'
import { MAILINGAPI_EVENT_NAMES } from '../../providers/mailingapi/events.ts'
import { isObject } from '../../providers/read-value.ts'
import { MAILTRAP_EVENT_TYPES } from '../../simulator/sending/webhook.ts'
import { wrongUse } from '../command.ts'
import type { Column } from '../table.ts'
import { safeText } from '../terminal.ts'
import type { ApiOptions } from './connect-api.ts'

/** The options of `create` and `update`, as the command line names them. */
export interface FieldOptions extends ApiOptions {
  readonly url?: string
  readonly type?: string
  readonly stream?: string
  readonly events?: readonly string[]
  readonly format?: string
  readonly domain?: number
  readonly inbox?: number
  readonly description?: string
}

const MAILTRAP_ONLY = ['type', 'stream', 'format', 'domain', 'inbox', 'account'] as const
const TYPES_WITH_EVENTS = ['email_sending', 'campaigns']

/** What the API is to create: what was asked for, and for Mailtrap what the type needs. */
export function fieldsToCreate(options: FieldOptions): Fields {
  refuseForeign(options)
  const { provider, url, events, description } = options
  if (provider === 'mailingapi') {
    return dropUndefined({ url, events: events ?? MAILINGAPI_EVENT_NAMES, description })
  }
  const { type = 'email_sending', stream = 'transactional' } = options
  return dropUndefined({
    ...changesOf(options),
    webhook_type: type,
    sending_stream: type === 'email_sending' ? stream : undefined,
    event_types: TYPES_WITH_EVENTS.includes(type) ? (events ?? MAILTRAP_EVENT_TYPES) : undefined,
    domain_id: options.domain,
  })
}

/** What the API is to change: only what was asked for. */
export function fieldsToUpdate(options: FieldOptions): Fields {
  refuseForeign(options)
  const changes = dropUndefined(changesOf(options))
  if (Object.keys(changes).length > 0) return changes
  throw wrongUse('Say what to change, for example --url. See --help.')
}

function changesOf(options: FieldOptions): Fields {
  const { provider, url, events, format, inbox, description } = options
  if (provider === 'mailingapi') return { url, events, description }
  return { url, event_types: events, payload_format: format, inbound_inbox_id: inbox }
}

function refuseForeign(options: FieldOptions): void {
  const foreign = options.provider === 'mailingapi' ? MAILTRAP_ONLY : (['description'] as const)
  const given = foreign.find((name) => options[name] !== undefined)
  if (given === undefined) return
  const provider = options.provider === 'mailingapi' ? 'MailingAPI' : 'Mailtrap'
  throw wrongUse(`${provider} knows no --${given}: leave it out.`)
}

/** Answers of both providers; keys may be missing. */
export const webhookColumns: readonly Column<Fields>[] = [
  { title: 'ID', text: ({ id }) => textOf(id) },
  {
    title: 'STATE',
    text: stateOf,
    colour: (webhook) => (stateOf(webhook) === 'active' ? 'green' : 'red'),
  },
  { title: 'TYPE', text: ({ webhook_type: type }) => textOf(type) },
  { title: 'STREAM', text: ({ sending_stream: stream }) => textOf(stream) },
  { title: 'FORMAT', text: ({ payload_format: format }) => textOf(format) },
  {
    title: 'EVENTS',
    text: (webhook) => textOf(webhook.event_types ?? webhook.events),
    mayShrink: true,
  },
  { title: 'URL', text: ({ url }) => textOf(url) },
]

export const mailingApiColumns = webhookColumns.filter(
  ({ title }) => !['TYPE', 'STREAM', 'FORMAT'].includes(title),
)

/** Every field of one webhook, a line each. */
export function describeWebhook(webhook: Fields): string {
  const lines = Object.entries(webhook).flatMap(([name, value]) =>
    isObject(value)
      ? Object.entries(value).map(([inner, one]) => [`${name}.${inner}`, textOf(one)])
      : [[name, textOf(value)]],
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

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '-'
  return Array.isArray(value) ? value.join(', ') || '-' : String(value)
}
