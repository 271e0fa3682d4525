import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { messageDetailJson, messageJson } from '../sending/email-log.ts'
import { type MailtrapWebhook, webhookKey } from '../sending/webhook.ts'
import type { Simulator } from '../simulator.ts'
import { isTokenRight, readToken } from './api-token.ts'
import {
  changeWebhook,
  mailtrapDetailJson,
  mailtrapJson,
  readNewWebhook,
} from './mailtrap-webhooks.ts'

export interface MailtrapApiOptions {
  /** Undefined: any token will do. */
  readonly token: string | undefined
  /** The account that the token belongs to; undefined: whichever is asked for. */
  readonly account: string | undefined
  /** When the token ends, milliseconds since 1970; undefined: never. */
  readonly tokenEndsAt: number | undefined
  /** By our clock. */
  readonly elapsedMs: () => number
  /** Milliseconds since 1970, by our clock: the token's end is for who asks, not for who is simulated. */
  readonly now: () => number
}

type Fields = Readonly<Record<string, unknown>>

/** Both path forms lead to the same webhooks. */
const LOGS = ['/api/email_logs', '/api/accounts/:account/email_logs']
const COLLECTIONS = ['/api/webhooks', '/api/accounts/:account/webhooks']
/** The SDK knows no other path, and no document tells of one. */
const TOKENS = '/api/accounts/:account/api_tokens'
const SECRET_DIGITS = 32

/** Mailtrap's management API, with the answers and errors of its documents. */
export function addMailtrapRoutes(
  app: FastifyInstance,
  simulator: Simulator,
  options: MailtrapApiOptions,
): void {
  const admit = createAdmission(options)
  for (const collection of COLLECTIONS) {
    const routes: FastifyPluginAsync = async (scope) => {
      scope.addHook('onRequest', admit)
      addCollectionRoutes(scope, collection, simulator)
      addItemRoutes(scope, `${collection}/:id`, simulator)
    }
    app.register(routes)
  }
  app.get(TOKENS, { onRequest: admit }, (request) => [tokenJson(request, options)])
  for (const path of LOGS) {
    const routes: FastifyPluginAsync = async (scope) => {
      scope.addHook('onRequest', admit)
      addLogRoutes(scope, path, simulator)
    }
    app.register(routes)
  }
}

/** The token with which is asked, as the provider's SDK describes it. */
function tokenJson(
  { headers, params }: FastifyRequest,
  { tokenEndsAt }: Pick<MailtrapApiOptions, 'tokenEndsAt'>,
) {
  const account = Number((params as { account: string }).account)
  return {
    id: 1,
    name: 'simulated',
    last_4_digits: readToken(headers)?.slice(-4) ?? '',
    created_by: 'simulate',
    expires_at: tokenEndsAt === undefined ? null : new Date(tokenEndsAt).toISOString(),
    resources: [{ resource_type: 'account', resource_id: account, access_level: 100 }],
  }
}

/** Messages of a page; the provider does not publish how many. */
const LOG_PAGE = 50

interface LogQuery {
  readonly search_after?: string
  readonly 'filters[sent_after]'?: string
  readonly 'filters[sent_before]'?: string
}

function addLogRoutes(app: FastifyInstance, path: string, { senders }: Simulator): void {
  const { emailLog } = senders
  app.get(path, (request) => {
    const query = request.query as LogQuery
    const after = Date.parse(query['filters[sent_after]'] ?? '') || 0
    const before = Date.parse(query['filters[sent_before]'] ?? '') || Number.POSITIVE_INFINITY
    const found = emailLog.list({ after, before })
    const begin = found.findIndex(({ id }) => id === query.search_after) + 1
    const page = found.slice(begin, begin + LOG_PAGE)
    return {
      messages: page.map(messageJson),
      total_count: found.length,
      next_page_cursor: begin + LOG_PAGE < found.length ? (page.at(-1)?.id ?? null) : null,
    }
  })
  app.get(`${path}/:id`, (request, reply) => {
    const message = emailLog.find((request.params as { id: string }).id)
    return message ? reply.send(messageDetailJson(message)) : refuseUnknown(reply)
  })
}

function addCollectionRoutes(app: FastifyInstance, path: string, simulator: Simulator): void {
  const { webhooks, clock, randomHex } = simulator
  app.get(path, () => ({
    // Newest first, as it was seen.
    data: webhooks.ofProvider('mailtrap').toReversed().map(mailtrapJson),
  }))
  app.post(path, (request, reply) => {
    const given = readWebhook(request.body)
    if (!given) return refuseBody(reply)
    const fields = readNewWebhook(given)
    if ('errors' in fields) return reply.code(422).send(fields)
    const webhook: MailtrapWebhook = {
      ...fields,
      provider: 'mailtrap',
      id: webhooks.nextNumber(),
      secret: randomHex(SECRET_DIGITS),
      oldSecret: undefined,
      bothSignUntil: undefined,
      createdAt: clock.now(),
    }
    simulator.create(webhook)
    return reply.send({ data: { signing_secret: webhook.secret, ...mailtrapJson(webhook) } })
  })
}

function addItemRoutes(app: FastifyInstance, path: string, simulator: Simulator): void {
  const find = (request: FastifyRequest): MailtrapWebhook | undefined => {
    const { id } = request.params as { id: string }
    const key = webhookKey({ provider: 'mailtrap', id: Number(id) })
    return simulator.webhooks.find(key) as MailtrapWebhook | undefined
  }
  app.get(path, (request, reply) => {
    const webhook = find(request)
    return webhook ? reply.send({ data: mailtrapDetailJson(webhook) }) : refuseUnknown(reply)
  })
  app.patch(path, (request, reply) => {
    const webhook = find(request)
    if (!webhook) return refuseUnknown(reply)
    const given = readWebhook(request.body)
    if (!given) return refuseBody(reply)
    const changed = changeWebhook(webhook, given)
    if ('errors' in changed) return reply.code(422).send(changed)
    simulator.change(changed)
    return reply.send({ data: mailtrapJson(changed) })
  })
  app.delete(path, (request, reply) => {
    const webhook = find(request)
    if (!webhook) return refuseUnknown(reply)
    simulator.remove(webhook)
    return reply.send({ data: mailtrapJson(webhook) })
  })
}

/** Token, rate and account, before anything else is looked at. */
function createAdmission(options: MailtrapApiOptions) {
  const { token: expected, account, elapsedMs, tokenEndsAt, now } = options
  const countRequest = createRateLimit(elapsedMs)
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const token = readToken(request.headers)
    const remaining = countRequest(token ?? '')
    reply.headers({
      'x-ratelimit-limit': RATE_LIMIT,
      'x-ratelimit-remaining': Math.max(0, remaining),
    })
    if (remaining < 0) return reply.code(429).send({ errors: 'Rate limit exceeded' })
    const isOver = tokenEndsAt !== undefined && now() >= tokenEndsAt
    if (isOver || !isTokenRight(token, expected)) {
      reply.header('www-authenticate', 'Token realm="Application"')
      return reply.code(401).send({ error: 'Incorrect API token' })
    }
    const { account: asked } = request.params as { account?: string }
    if (asked !== undefined && account !== undefined && asked !== account) {
      return reply.code(403).send({ errors: 'Account access forbidden' })
    }
    return undefined
  }
}

function readWebhook(body: unknown): Fields | undefined {
  const webhook = isFields(body) ? body.webhook : undefined
  return isFields(webhook) ? webhook : undefined
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuseUnknown(reply: FastifyReply): FastifyReply {
  return reply.code(404).send({ error: 'Not Found' })
}

/** Not published: what a Rails application usually says. */
function refuseBody(reply: FastifyReply): FastifyReply {
  return reply.code(400).send({ error: 'param is missing or the value is empty: webhook' })
}

const RATE_LIMIT = 150
const WINDOW_MS = 10_000

/** Counts requests of each token; answers how many more it may make, -1 when it made too many. */
function createRateLimit(elapsedMs: () => number): (token: string) => number {
  const windows = new Map<string, { startedAt: number; count: number }>()
  return (token) => {
    const now = elapsedMs()
    const known = windows.get(token)
    const isOpen = known !== undefined && now - known.startedAt < WINDOW_MS
    const window = isOpen ? known : { startedAt: now, count: 0 }
    window.count++
    // A token that is not used any more is not worth a timer: there are few.
    windows.set(token, window)
    return Math.max(-1, RATE_LIMIT - window.count)
  }
}
