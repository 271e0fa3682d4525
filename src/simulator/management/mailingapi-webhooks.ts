import { MAILINGAPI_EVENT_NAMES } from '../../providers/mailingapi/events.ts'
import type { MailingApiWebhook } from '../webhooks/webhook.ts'

type Fields = Readonly<Record<string, unknown>>

/** The code is published; status and envelope are assumed. */
export interface MailingApiProblem {
  readonly status: number
  readonly code: string
  readonly message: string
}

export type MailingApiFields = Pick<MailingApiWebhook, 'url' | 'events' | 'description'> & {
  /** The caller's own; undefined: one is made. */
  readonly secret: string | undefined
}

export const PROBLEMS = {
  url: { status: 422, code: 'invalid_url', message: 'The URL must be an HTTPS URL.' },
  events: { status: 422, code: 'invalid_events', message: 'The events are missing or unknown.' },
  status: { status: 422, code: 'invalid_status', message: 'The status is active or paused.' },
  secret: { status: 422, code: 'invalid_secret', message: 'The secret is a text.' },
  missing: { status: 404, code: 'webhook_not_found', message: 'There is no such webhook.' },
  disabled: { status: 409, code: 'webhook_disabled', message: 'The webhook is disabled.' },
  token: { status: 401, code: 'unauthorized', message: 'The API key is missing or wrong.' },
} as const satisfies Readonly<Record<string, MailingApiProblem>>

/** The webhook that a `POST` asks for, or what is wrong with it. */
export function readNewMailingApi(given: Fields): MailingApiFields | MailingApiProblem {
  const { url, events, description, secret } = given
  if (!isUrl(url)) return PROBLEMS.url
  if (!isEvents(events)) return PROBLEMS.events
  if (secret !== undefined && (typeof secret !== 'string' || secret === '')) return PROBLEMS.secret
  return { url, events, secret, description: textOrNone(description) }
}

/** The webhook after a `PATCH`, or what is wrong. */
export function changeMailingApi(
  webhook: MailingApiWebhook,
  given: Fields,
  now: number,
): MailingApiWebhook | MailingApiProblem {
  const { url = webhook.url, events = webhook.events, status } = given
  if (webhook.status === 'disabled') return PROBLEMS.disabled
  if (!isUrl(url)) return PROBLEMS.url
  if (!isEvents(events)) return PROBLEMS.events
  if (status !== undefined && status !== 'active' && status !== 'paused') return PROBLEMS.status
  return {
    ...webhook,
    url,
    events,
    status: status ?? webhook.status,
    description: textOrNone(given.description) ?? webhook.description,
    updatedAt: now,
  }
}

export function isProblem(value: object): value is MailingApiProblem {
  return 'code' in value
}

/** As `POST` shows it: the only answer with the secret. */
export function createdJson(webhook: MailingApiWebhook): Fields {
  const { id, url, events, description, secret, status, createdAt } = webhook
  return { id, url, events, description, secret, status, created_at: isoTime(createdAt) }
}

/** As the list shows it. */
export function listedJson({ id, url, events, status, createdAt }: MailingApiWebhook): Fields {
  return { id, url, events, status, created_at: isoTime(createdAt) }
}

/** As `GET` of one shows it. */
export function detailJson(webhook: MailingApiWebhook): Fields {
  const { id, url, events, description, status, createdAt, stats } = webhook
  return {
    ...{ id, url, events, description, status, created_at: isoTime(createdAt) },
    stats: {
      total_sent: stats.sent,
      successful: stats.sent - stats.failed,
      failed: stats.failed,
      last_success: isoTimeOrNull(stats.lastSuccess),
      last_failure: isoTimeOrNull(stats.lastFailure),
    },
  }
}

/** As `PATCH` shows it. */
export function updatedJson({ id, url, events, status, updatedAt }: MailingApiWebhook): Fields {
  return { id, url, events, status, updated_at: isoTime(updatedAt) }
}

/** HTTPS only, but for this machine: a receiver under trial has no certificate. */
function isUrl(url: unknown): url is string {
  if (typeof url !== 'string' || !URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  const isLocal = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
  return protocol === 'https:' || (protocol === 'http:' && isLocal)
}

function isEvents(events: unknown): events is readonly string[] {
  const known: readonly unknown[] = MAILINGAPI_EVENT_NAMES
  return Array.isArray(events) && events.length > 0 && events.every((name) => known.includes(name))
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** As the documents write it: `2026-01-10T08:00:00Z`. */
function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}

function isoTimeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : isoTime(ms)
}
