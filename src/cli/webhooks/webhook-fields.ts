import { MAILINGAPI_EVENT_NAMES } from '../../providers/mailingapi/events.ts'
import { MAILTRAP_EVENT_TYPES } from '../../simulator/webhooks/webhook.ts'
import { CommandFailure, EXIT_CODES } from '../command-failure.ts'
import type { Fields } from './api-refusal.ts'
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
    return defined({ url, events: events ?? MAILINGAPI_EVENT_NAMES, description })
  }
  const { type = 'email_sending', stream = 'transactional' } = options
  return defined({
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
  const changes = defined(changesOf(options))
  if (Object.keys(changes).length > 0) return changes
  throw new CommandFailure('Say what to change, for example --url. See --help.', {
    exitCode: EXIT_CODES.usage,
  })
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
  throw new CommandFailure(`${provider} knows no --${given}: leave it out.`, {
    exitCode: EXIT_CODES.usage,
  })
}

function defined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
