import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Simulator } from '../simulator.ts'
import { type MailingApiWebhook, webhookKey } from '../webhooks/webhook.ts'
import { isTokenRight, readToken } from './api-token.ts'
import {
  changeMailingApi,
  createdJson,
  detailJson,
  isProblem,
  listedJson,
  type MailingApiFields,
  type MailingApiProblem,
  PROBLEMS,
  readNewMailingApi,
  updatedJson,
} from './mailingapi-webhooks.ts'

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
