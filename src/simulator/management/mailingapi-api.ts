import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import { MAILINGAPI_EVENT_NAMES } from '../../providers/mailingapi/events.ts'
import { readObject } from '../../providers/read-value.ts'
import type { MailingApiWebhook } from '../sending/webhook.ts'
import type { Simulator } from '../simulator.ts'
import { type Fields, isTokenRight, Refusal, readToken } from './refusal.ts'

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
    scope.addHook('onRequest', async ({ headers }) => {
      if (!isTokenRight(readToken(headers), token)) throw PROBLEMS.token
    })
    addWebhookRoutes(scope, simulator)
  }
  app.register(routes)
}

function addWebhookRoutes(app: FastifyInstance, simulator: Simulator): void {
  const find = ({ params }: FastifyRequest): MailingApiWebhook => {
    const { id } = params as { id: string }
    const webhook = simulator.senders.find(`mailingapi/${id}`)?.webhook
    if (webhook?.provider !== 'mailingapi') throw PROBLEMS.missing
    return webhook
  }
  app.get(COLLECTION, () => ({
    data: simulator.senders
      .ofProvider('mailingapi')
      .map(({ id, url, events, status, createdAt }) => ({
        ...{ id, url, events, status, created_at: isoTime(createdAt) },
      })),
  }))
  app.post(COLLECTION, async (request, reply) => {
    const webhook = makeWebhook(readObject(request.body), simulator)
    simulator.create(webhook)
    reply.code(201)
    // The only answer with the secret.
    const { id, url, events, description, secret, status, createdAt } = webhook
    return { id, url, events, description, secret, status, created_at: isoTime(createdAt) }
  })
  app.get(ITEM, async (request) => detailJson(find(request)))
  app.patch(ITEM, async (request) => {
    const now = simulator.clock.now()
    const changed = changeMailingApi(find(request), readObject(request.body), now)
    simulator.change(changed)
    const { id, url, events, status } = changed
    return { id, url, events, status, updated_at: isoTime(now) }
  })
  app.delete(ITEM, async (request, reply) => {
    simulator.senders.remove(find(request))
    return reply.code(204).send()
  })
}

/** The webhook that a `POST` asks for. Throws a Refusal. */
function makeWebhook(
  { url, events, description, secret }: Fields,
  { randomHex, clock }: Simulator,
): MailingApiWebhook {
  if (!isUrl(url)) throw PROBLEMS.url
  if (!isEvents(events)) throw PROBLEMS.events
  if (secret !== undefined && (typeof secret !== 'string' || secret === '')) throw PROBLEMS.secret
  const now = clock.now()
  return {
    url,
    events,
    description: textOrNone(description),
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

/** The code is published; status and envelope are assumed. */
const problem = (status: number, code: string, message: string) =>
  new Refusal(status, { error: { code, message } })

const PROBLEMS = {
  url: problem(422, 'invalid_url', 'The URL must be an HTTPS URL.'),
  events: problem(422, 'invalid_events', 'The events are missing or unknown.'),
  status: problem(422, 'invalid_status', 'The status is active or paused.'),
  secret: problem(422, 'invalid_secret', 'The secret is a text.'),
  missing: problem(404, 'webhook_not_found', 'There is no such webhook.'),
  disabled: problem(409, 'webhook_disabled', 'The webhook is disabled.'),
  token: problem(401, 'unauthorized', 'The API key is missing or wrong.'),
}

/** The webhook after a `PATCH`. Throws a Refusal. */
function changeMailingApi(
  webhook: MailingApiWebhook,
  given: Fields,
  now: number,
): MailingApiWebhook {
  const { url = webhook.url, events = webhook.events, status } = given
  if (webhook.status === 'disabled') throw PROBLEMS.disabled
  if (!isUrl(url)) throw PROBLEMS.url
  if (!isEvents(events)) throw PROBLEMS.events
  if (status !== undefined && status !== 'active' && status !== 'paused') throw PROBLEMS.status
  return {
    ...webhook,
    url,
    events,
    status: status ?? webhook.status,
    description: textOrNone(given.description) ?? webhook.description,
    updatedAt: now,
  }
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
      last_success: isoTime(stats.lastSuccess),
      last_failure: isoTime(stats.lastFailure),
    },
  }
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

/** As the documents write it: `2026-01-10T08:00:00Z`, or null. */
function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}
