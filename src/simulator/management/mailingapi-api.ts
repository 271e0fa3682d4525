import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { MAILINGAPI_EVENT_NAMES } from '../../providers/mailingapi/events.ts'
import { type MailingApiWebhook, webhookKey } from '../sending/webhook.ts'
import type { Simulator } from '../simulator.ts'
import { isTokenRight, readToken } from './api-token.ts'

const COLLECTION = '/v1/webhooks'
const ITEM = `${COLLECTION}/:id`
const ID_DIGITS = 12
const SECRET_DIGITS = 40
const NO_STATS = {
  sent: 0,
  failed: 0,
  failedInARow: 0,
  lastSuccess: undefined,
  lastFailure: undefined,
}

/** MailingAPI's management API. Published are bodies and codes; statuses of errors are assumed. */
export function addMailingApiRoutes(
  app: FastifyInstance,
  simulator: Simulator,
  { token }: { token: string | undefined },
): void {
  const routes: FastifyPluginAsync = async (scope) => {
    scope.addHook('onRequest', async (request, reply) => {
      if (isTokenRight(readToken(request.headers), token)) return undefined
      return refuse(reply, PROBLEMS.token)
    })
    addCollectionRoutes(scope, simulator)
    addItemRoutes(scope, simulator)
  }
  app.register(routes)
}

function addCollectionRoutes(app: FastifyInstance, simulator: Simulator): void {
  app.get(COLLECTION, () => ({
    data: simulator.webhooks.ofProvider('mailingapi').map(listedJson),
  }))
  app.post(COLLECTION, (request, reply) => {
    const fields = readNewMailingApi(fieldsOf(request))
    if (isProblem(fields)) return refuse(reply, fields)
    const webhook = makeWebhook(fields, simulator)
    simulator.create(webhook)
    return reply.code(201).send(createdJson(webhook))
  })
}

function addItemRoutes(app: FastifyInstance, simulator: Simulator): void {
  const find = (request: FastifyRequest): MailingApiWebhook | undefined => {
    const { id } = request.params as { id: string }
    const key = webhookKey({ provider: 'mailingapi', id })
    return simulator.webhooks.find(key) as MailingApiWebhook | undefined
  }
  app.get(ITEM, (request, reply) => {
    const webhook = find(request)
    return webhook ? reply.send(detailJson(webhook)) : refuse(reply, PROBLEMS.missing)
  })
  app.patch(ITEM, (request, reply) => {
    const webhook = find(request)
    if (!webhook) return refuse(reply, PROBLEMS.missing)
    const changed = changeMailingApi(webhook, fieldsOf(request), simulator.clock.now())
    if (isProblem(changed)) return refuse(reply, changed)
    simulator.change(changed)
    return reply.send(updatedJson(changed))
  })
  app.delete(ITEM, (request, reply) => {
    const webhook = find(request)
    if (!webhook) return refuse(reply, PROBLEMS.missing)
    simulator.remove(webhook)
    return reply.code(204).send()
  })
}

function makeWebhook(
  { secret, ...fields }: MailingApiFields,
  { randomHex, clock }: Simulator,
): MailingApiWebhook {
  const now = clock.now()
  return {
    ...fields,
    provider: 'mailingapi',
    id: `wh_${randomHex(ID_DIGITS)}`,
    status: 'active',
    secret: secret ?? `whsec_${randomHex(SECRET_DIGITS)}`,
    oldSecret: undefined,
    bothSignUntil: undefined,
    createdAt: now,
    updatedAt: now,
    stats: NO_STATS,
  }
}

function fieldsOf({ body }: FastifyRequest): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
}

function refuse(reply: FastifyReply, { status, code, message }: MailingApiProblem): FastifyReply {
  return reply.code(status).send({ error: { code, message } })
}

type Fields = Readonly<Record<string, unknown>>

/** The code is published; status and envelope are assumed. */
interface MailingApiProblem {
  readonly status: number
  readonly code: string
  readonly message: string
}

type MailingApiFields = Pick<MailingApiWebhook, 'url' | 'events' | 'description'> & {
  /** The caller's own; undefined: one is made. */
  readonly secret: string | undefined
}

const PROBLEMS = {
  url: { status: 422, code: 'invalid_url', message: 'The URL must be an HTTPS URL.' },
  events: { status: 422, code: 'invalid_events', message: 'The events are missing or unknown.' },
  status: { status: 422, code: 'invalid_status', message: 'The status is active or paused.' },
  secret: { status: 422, code: 'invalid_secret', message: 'The secret is a text.' },
  missing: { status: 404, code: 'webhook_not_found', message: 'There is no such webhook.' },
  disabled: { status: 409, code: 'webhook_disabled', message: 'The webhook is disabled.' },
  token: { status: 401, code: 'unauthorized', message: 'The API key is missing or wrong.' },
} as const satisfies Readonly<Record<string, MailingApiProblem>>

/** The webhook that a `POST` asks for, or what is wrong with it. */
function readNewMailingApi(given: Fields): MailingApiFields | MailingApiProblem {
  const { url, events, description, secret } = given
  if (!isUrl(url)) return PROBLEMS.url
  if (!isEvents(events)) return PROBLEMS.events
  if (secret !== undefined && (typeof secret !== 'string' || secret === '')) return PROBLEMS.secret
  return { url, events, secret, description: textOrNone(description) }
}

/** The webhook after a `PATCH`, or what is wrong. */
function changeMailingApi(
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

function isProblem(value: object): value is MailingApiProblem {
  return 'code' in value
}

/** As `POST` shows it: the only answer with the secret. */
function createdJson(webhook: MailingApiWebhook): Fields {
  const { id, url, events, description, secret, status, createdAt } = webhook
  return { id, url, events, description, secret, status, created_at: isoTime(createdAt) }
}

/** As the list shows it. */
function listedJson({ id, url, events, status, createdAt }: MailingApiWebhook): Fields {
  return { id, url, events, status, created_at: isoTime(createdAt) }
}

/** As `GET` of one shows it. */
function detailJson(webhook: MailingApiWebhook): Fields {
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
function updatedJson({ id, url, events, status, updatedAt }: MailingApiWebhook): Fields {
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
