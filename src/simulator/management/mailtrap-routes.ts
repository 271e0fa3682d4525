import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { isObject, readObject } from '../../providers/read-value.ts'
import { messageDetailJson, messageJson } from '../sending/email-log.ts'
import type { MailtrapWebhook } from '../sending/webhook.ts'
import type { Simulator } from '../simulator.ts'
import {
  changeWebhook,
  mailtrapDetailJson,
  mailtrapJson,
  readNewWebhook,
} from './mailtrap-webhooks.ts'
import { type Fields, isTokenRight, Refusal, readToken } from './refusal.ts'

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

/** Both path forms lead to the same webhooks and messages. */
const BASES = ['/api', '/api/accounts/:account']
/** The SDK knows no other path, and no document tells of one. */
const TOKENS = '/api/accounts/:account/api_tokens'
const SECRET_DIGITS = 32
const NOT_FOUND = new Refusal(404, { error: 'Not Found' })

/** Mailtrap's management API, with the answers and errors of its documents. */
export function addMailtrapRoutes(
  app: FastifyInstance,
  simulator: Simulator,
  options: MailtrapApiOptions,
): void {
  const routes: FastifyPluginAsync = async (scope) => {
    scope.addHook('onRequest', createAdmission(options))
    scope.get(TOKENS, (request) => [tokenJson(request, options)])
    for (const base of BASES) {
      addWebhookRoutes(scope, `${base}/webhooks`, simulator)
      addLogRoutes(scope, `${base}/email_logs`, simulator)
    }
  }
  app.register(routes)
}

/** The token with which is asked, as the provider's SDK describes it. */
function tokenJson({ headers, params }: FastifyRequest, { tokenEndsAt }: MailtrapApiOptions) {
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
  app.get(`${path}/:id`, async (request) => {
    const message = emailLog.find((request.params as { id: string }).id)
    if (!message) throw NOT_FOUND
    return messageDetailJson(message)
  })
}

function addWebhookRoutes(app: FastifyInstance, path: string, simulator: Simulator): void {
  const { senders, clock, randomHex } = simulator
  const find = ({ params }: FastifyRequest): MailtrapWebhook => {
    const { id } = params as { id: string }
    const webhook = senders.find(`mailtrap/${id}`)?.webhook
    if (webhook?.provider !== 'mailtrap') throw NOT_FOUND
    return webhook
  }
  app.get(path, () => ({
    // Newest first, as it was seen.
    data: senders.ofProvider('mailtrap').toReversed().map(mailtrapJson),
  }))
  app.post(path, async (request) => {
    const webhook: MailtrapWebhook = {
      ...readNewWebhook(readFields(request)),
      provider: 'mailtrap',
      id: senders.nextNumber(),
      secret: randomHex(SECRET_DIGITS),
      oldSecret: undefined,
      bothSignUntil: undefined,
      createdAt: clock.now(),
    }
    simulator.create(webhook)
    return { data: { signing_secret: webhook.secret, ...mailtrapJson(webhook) } }
  })
  app.get(`${path}/:id`, async (request) => ({ data: mailtrapDetailJson(find(request)) }))
  app.patch(`${path}/:id`, async (request) => {
    const changed = changeWebhook(find(request), readFields(request))
    simulator.change(changed)
    return { data: mailtrapJson(changed) }
  })
  app.delete(`${path}/:id`, async (request) => {
    const webhook = find(request)
    senders.remove(webhook)
    return { data: mailtrapJson(webhook) }
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
    if (remaining < 0) throw new Refusal(429, { errors: 'Rate limit exceeded' })
    const isOver = tokenEndsAt !== undefined && now() >= tokenEndsAt
    if (isOver || !isTokenRight(token, expected)) {
      reply.header('www-authenticate', 'Token realm="Application"')
      throw new Refusal(401, { error: 'Incorrect API token' })
    }
    const { account: asked } = request.params as { account?: string }
    if (asked !== undefined && account !== undefined && asked !== account) {
      throw new Refusal(403, { errors: 'Account access forbidden' })
    }
  }
}

function readFields({ body }: FastifyRequest): Fields {
  const { webhook } = readObject(body)
  if (isObject(webhook)) return webhook
  // Not published: what a Rails application usually says.
  throw new Refusal(400, { error: 'param is missing or the value is empty: webhook' })
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
