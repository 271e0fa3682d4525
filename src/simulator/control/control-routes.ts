import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import ndjson from 'ndjson'
import * as z from 'zod'
import { readDuration } from '../../config/quantities.ts'
import type { SampleEvent } from '../../providers/samples.ts'
import { Refusal } from '../management/refusal.ts'
import { FAULTS } from '../sending/faults.ts'
import { streamKindFor, webhookKey } from '../sending/webhook.ts'
import type { Simulator } from '../simulator.ts'
import { clockJson, statusJson, statusPage } from './status.ts'

/** What no provider has: a look behind the scenes, and a hand on the clock. */
export function addControlRoutes(app: FastifyInstance, simulator: Simulator): void {
  app.get('/', (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(statusPage(statusJson(simulator))),
  )
  app.get('/simulator/status', () => statusJson(simulator))
  app.post('/simulator/clock', async (request) => {
    const { speed, advance } = read(clockSchema, request.body)
    if (speed !== undefined) simulator.setSpeed(speed)
    if (advance !== undefined) await simulator.advance(advance)
    return clockJson(simulator)
  })
  app.post('/simulator/faults', async (request) => {
    simulator.faults = read(FAULTS, request.body)
    return simulator.faults
  })
  addStreamRoute(app, simulator)
  addResetRoute(app, simulator)
  addEventsRoute(app, simulator)
}

const refusal = (status: number, message: string) =>
  new Refusal(status, { error: 'refused', message })

/** What a route is given, as the schema has it. Throws a Refusal of sentences. */
function read<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const { success, data, error } = schema.safeParse(given)
  if (success) return data
  const texts = error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  )
  throw refusal(422, texts.join(' '))
}

function addStreamRoute(app: FastifyInstance, simulator: Simulator): void {
  app.post('/simulator/streams', async (request) => {
    const { webhook: key, over: overMs, ...wanted } = read(streamSchema, request.body)
    const webhook = simulator.senders.find(key)?.webhook
    if (!webhook) throw refusal(404, `There is no webhook ${key}.`)
    const startsAt = simulator.clock.now()
    simulator.beginStream({ ...streamKindFor(webhook), ...wanted, overMs, startsAt })
    return { webhook: key, events: wanted.events }
  })
}

/** What a provider's page does, and its API does not. */
function addResetRoute(app: FastifyInstance, simulator: Simulator): void {
  app.post('/simulator/webhooks/:provider/:id/reset-secret', async (request) => {
    const { overlap } = read(resetSchema, request.body ?? {})
    const { provider, id } = request.params as { provider: string; id: string }
    const webhook = simulator.senders.find(`${provider}/${id}`)?.webhook
    if (!webhook) throw refusal(404, 'There is no such webhook.')
    if (webhook.provider === 'mailtrap' && overlap !== undefined) {
      throw refusal(422, 'Mailtrap voids the old secret at once: leave overlap out.')
    }
    const { randomHex } = simulator
    const isMailtrap = webhook.provider === 'mailtrap'
    const secret = isMailtrap ? randomHex(webhook.secret.length) : `whsec_${randomHex(40)}`
    const bothSignUntil = overlap === undefined ? undefined : simulator.clock.now() + overlap
    simulator.change({ ...webhook, secret, oldSecret: webhook.secret, bothSignUntil })
    return { webhook: webhookKey(webhook), signing_secret: secret }
  })
}

function addEventsRoute(app: FastifyInstance, simulator: Simulator): void {
  const routes: FastifyPluginAsync = async (scope) => {
    // Whatever it is called, it is read line by line, and never whole.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body))
    scope.post('/simulator/events', async (request) => {
      const { provider } = read(eventsQuerySchema, request.query)
      let events = 0
      let wanted = 0
      try {
        for await (const event of readEvents(request.body as Readable)) {
          events++
          wanted += simulator.post(provider, event) > 0 ? 1 : 0
        }
      } catch {
        throw refusal(400, `Line ${events + 1} is no JSON object; those before it count.`)
      }
      return { events, wanted }
    })
  }
  app.register(routes)
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
