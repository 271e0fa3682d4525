import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import ndjson from 'ndjson'
import * as z from 'zod'
import { readDuration } from '../../config/quantities.ts'
import type { SampleEvent } from '../../providers/samples.ts'
import { FAULT_NAMES } from '../sending/faults.ts'
import { streamKindFor, type Webhook, webhookKey } from '../sending/webhook.ts'
import type { Simulator } from '../simulator.ts'
import { clockJson, statusJson, statusPage } from './status.ts'

/** What no provider has: a look behind the scenes, and a hand on the clock. */
export function addControlRoutes(app: FastifyInstance, simulator: Simulator): void {
  app.get('/', (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(statusPage(statusJson(simulator))),
  )
  app.get('/simulator/status', () => statusJson(simulator))
  addClockRoute(app, simulator)
  addFaultsRoute(app, simulator)
  addStreamRoute(app, simulator)
  addResetRoute(app, simulator)
  addEventsRoute(app, simulator)
}

function addClockRoute(app: FastifyInstance, simulator: Simulator): void {
  app.post('/simulator/clock', async (request, reply) => {
    const wanted = read(clockSchema, request.body, reply)
    if (!wanted) return reply
    if (wanted.speed !== undefined) simulator.setSpeed(wanted.speed)
    if (wanted.advance !== undefined) await simulator.advance(wanted.advance)
    return clockJson(simulator)
  })
}

function addFaultsRoute(app: FastifyInstance, simulator: Simulator): void {
  app.post('/simulator/faults', (request, reply) => {
    const faults = read(faultsSchema, request.body, reply)
    if (!faults) return reply
    simulator.faults = faults
    return reply.send(faults)
  })
}

function addStreamRoute(app: FastifyInstance, simulator: Simulator): void {
  app.post('/simulator/streams', (request, reply) => {
    const wanted = read(streamSchema, request.body, reply)
    if (!wanted) return reply
    const { webhook: key, events, over: overMs, seed } = wanted
    const webhook = simulator.webhooks.find(key)
    if (!webhook) return refuse(reply, 404, [`There is no webhook ${key}.`])
    const startsAt = simulator.clock.now()
    simulator.beginStream({ ...streamKindFor(webhook), events, overMs, seed, startsAt })
    return reply.send({ webhook: key, events })
  })
}

/** What a provider's page does, and its API does not. */
function addResetRoute(app: FastifyInstance, simulator: Simulator): void {
  app.post('/simulator/webhooks/:provider/:id/reset-secret', (request, reply) => {
    const wanted = read(resetSchema, request.body ?? {}, reply)
    if (!wanted) return reply
    const webhook = findWebhook(request, simulator)
    if (!webhook) return refuse(reply, 404, ['There is no such webhook.'])
    if (webhook.provider === 'mailtrap' && wanted.overlap !== undefined) {
      return refuse(reply, 422, ['Mailtrap voids the old secret at once: leave overlap out.'])
    }
    const now = simulator.clock.now()
    const secret = newSecret(webhook, simulator)
    const bothSignUntil = wanted.overlap === undefined ? undefined : now + wanted.overlap
    simulator.change({ ...webhook, secret, oldSecret: webhook.secret, bothSignUntil })
    return reply.send({ webhook: webhookKey(webhook), signing_secret: secret })
  })
}

function addEventsRoute(app: FastifyInstance, simulator: Simulator): void {
  const routes: FastifyPluginAsync = async (scope) => {
    // Whatever it is called, it is read line by line, and never whole.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body))
    scope.post('/simulator/events', async (request, reply) => {
      const query = read(eventsQuerySchema, request.query, reply)
      if (!query) return reply
      let events = 0
      let wanted = 0
      try {
        for await (const event of readEvents(request.body as Readable)) {
          events++
          wanted += simulator.post(query.provider, event) > 0 ? 1 : 0
        }
      } catch {
        return refuse(reply, 400, [`Line ${events + 1} is no JSON object; those before it count.`])
      }
      return { events, wanted }
    })
  }
  app.register(routes)
}

function findWebhook(request: FastifyRequest, simulator: Simulator): Webhook | undefined {
  const { provider, id } = request.params as { provider: string; id: string }
  return simulator.webhooks.find(`${provider}/${id}`)
}

function newSecret({ provider, secret }: Webhook, { randomHex }: Simulator): string {
  return provider === 'mailtrap' ? randomHex(secret.length) : `whsec_${randomHex(40)}`
}

/** The body if it is right; otherwise it was answered. */
function read<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  reply: FastifyReply,
): z.output<Schema> | undefined {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  refuse(reply, 422, describeIssues(parsed.error))
  return undefined
}

function refuse(reply: FastifyReply, status: number, problems: readonly string[]): FastifyReply {
  return reply.code(status).send({ error: 'refused', message: problems.join(' ') })
}

const duration = z.string().transform((text, context) => {
  try {
    return readDuration(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: `${(error as Error).message}.` })
    return z.NEVER
  }
})

const MAX_EVENTS = 10_000_000
const MAX_SPEED = 1_000_000

const clockSchema = z.strictObject({
  advance: duration.optional(),
  speed: z.number().min(0).max(MAX_SPEED).optional(),
})

const faultsSchema = z.partialRecord(z.enum(FAULT_NAMES), z.number().min(0).max(1))

const streamSchema = z.strictObject({
  /** One of the kind that is to get them: `mailtrap/9001`. */
  webhook: z.string(),
  events: z.int().min(1).max(MAX_EVENTS),
  over: duration.prefault('1h'),
  seed: z.int().min(0).max(0xffff_ffff).default(1),
})

const resetSchema = z.strictObject({ overlap: duration.optional() })

const eventsQuerySchema = z.strictObject({
  provider: z.enum(['mailtrap', 'mailingapi']).default('mailtrap'),
})

/** What is wrong with a request, as sentences. */
function describeIssues({ issues }: z.ZodError): string[] {
  return issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  )
}

/** The lines of a body as events, one in memory at a time. Throws at a line that is no JSON. */
async function* readEvents(body: Readable): AsyncGenerator<SampleEvent> {
  const parser = ndjson.parse()
  body.on('error', (error) => parser.destroy(error))
  for await (const value of body.pipe(parser)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TypeError('A line is no JSON object.')
    }
    yield value
  }
}
