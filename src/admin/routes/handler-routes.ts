import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { HANDLER_NAME, type HandlerRegistration } from '../../model.ts'
import type { Observer } from '../../observe/observer.ts'
import type { Archive, Store } from '../../store/store.ts'
import type { AuditTrail } from '../audit-trail.ts'
import { dropUndefined } from '../drop-undefined.ts'
import { failureGroup } from '../failure-group.ts'
import { groupFailures } from '../group-failures.ts'
import { HANDLER_JSON, handlersJson } from '../json/handler-json.ts'
import { isoTime } from '../json/iso-time.ts'
import { TIME_JSON } from '../json/time-schema.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { NO_PARAMETERS, REPLAY_DEAD_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

export interface HandlerRoutesOptions {
  readonly archive: Archive & Pick<Store, 'replay' | 'loadHandlers' | 'setPaused'>
  readonly observer: Pick<Observer, 'counts' | 'recent' | 'replayed' | 'handlerPaused'>
  readonly registrations: () => readonly HandlerRegistration[]
  readonly audited: AuditTrail
}

const NO_SUCH_HANDLER = {
  error: 'not_found',
  message: 'No handler of this name was ever loaded here. GET /api/handlers lists them.',
}

const UNKNOWN = { 404: 'No handler of this name was ever loaded here.' }

const LIST_HANDLERS = {
  summary: 'Every handler, and how it does',
  query: NO_PARAMETERS,
  answer: { json: z.object({ handlers: z.array(HANDLER_JSON) }) },
} satisfies RouteDescription

const FAILURE_JSON = z.object({
  error: z.string().describe('What the errors have in common.'),
  dead: z.number(),
  retrying: z.number(),
  newest_at: TIME_JSON,
  event: z.string().describe('The id of an event whose job failed so.'),
})

const LIST_FAILURES = {
  summary: 'The failures of a handler by error, of its newest jobs',
  query: NO_PARAMETERS,
  answer: {
    json: z.object({
      failures: z.array(FAILURE_JSON),
      examined: z.number(),
      is_partial: z.boolean(),
    }),
  },
  errors: UNKNOWN,
} satisfies RouteDescription

const PAUSE = {
  summary: 'Pauses a handler, or lets it go on, on every replica',
  query: NO_PARAMETERS,
  answer: { json: z.object({ handler: z.string(), paused: z.boolean() }) },
  errors: UNKNOWN,
} satisfies RouteDescription

const REPLAY_DEAD = {
  summary: 'Makes dead jobs of a handler pending again, of the next 500',
  query: NO_PARAMETERS,
  body: REPLAY_DEAD_PARAMETERS,
  answer: {
    json: z.object({
      replayed: z.number(),
      examined: z.number(),
      cursor: z.string().nullable().describe('Where to go on; null at the end.'),
    }),
  },
  errors: UNKNOWN,
} satisfies RouteDescription

/** Dead jobs looked at in one call. */
const REPLAYED_AT_ONCE = 500

type ByName = { Params: { name: string } }

export function addHandlerRoutes(app: FastifyInstance, options: HandlerRoutesOptions): void {
  const { archive, observer, registrations, audited } = options

  /** One that is loaded, or was: then there are jobs of it. */
  async function isKnown(handler: string): Promise<boolean> {
    if (registrations().some(({ name }) => name === handler)) return true
    return Object.hasOwn((await archive.stats()).jobs, handler)
  }

  app.get('/api/handlers', { config: { description: LIST_HANDLERS } }, async (request) => {
    readParameters(NO_PARAMETERS, request.query)
    const [{ jobs }, paused] = await Promise.all([archive.stats(), archive.pausedHandlers()])
    const { handlers: health } = observer.counts()
    const { attempts } = observer.recent()
    const facts = { registrations: registrations(), health, jobs, paused, attempts }
    return { handlers: handlersJson(facts) }
  })

  const itsFailures = { config: { description: LIST_FAILURES } }
  app.get<ByName>('/api/handlers/:name/failures', itsFailures, async (request, reply) => {
    readParameters(NO_PARAMETERS, request.query)
    const { name } = request.params
    if (!HANDLER_NAME.test(name)) return reply.code(404).send(NO_SUCH_HANDLER)
    const { groups, examined, isPartial } = await groupFailures(archive, name)
    if (examined === 0 && !(await isKnown(name))) return reply.code(404).send(NO_SUCH_HANDLER)
    return {
      failures: groups.map(({ newestAt, ...group }) => ({
        ...group,
        newest_at: isoTime(newestAt),
      })),
      examined,
      is_partial: isPartial,
    }
  })

  for (const [action, isPaused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    const change = { config: { description: PAUSE } }
    app.post<ByName>(`/api/handlers/:name/${action}`, change, async (request, reply) => {
      readParameters(PAUSE.query, request.query)
      readParameters(NO_PARAMETERS, request.body ?? {})
      const { name: handler } = request.params
      const seen = await archive.loadHandlers()
      if (!seen.some(({ name }) => name === handler)) return reply.code(404).send(NO_SUCH_HANDLER)
      await audited(
        { action, address: request.ip, parameters: { handler } },
        () => archive.setPaused(handler, isPaused),
        (isFound) => ({ handlers: isFound ? 1 : 0 }),
      )
      observer.handlerPaused({ address: request.ip, handler, isPaused })
      return { handler, paused: isPaused }
    })
  }

  // One page of dead jobs a call: whoever has many replays them page by page, and sees how far it is.
  const replayDead = { config: { description: REPLAY_DEAD } }
  app.post<ByName>('/api/handlers/:name/replay', replayDead, async (request, reply) => {
    readParameters(REPLAY_DEAD.query, request.query)
    const { error, cursor } = readParameters(REPLAY_DEAD.body, request.body ?? {})
    const { name: handler } = request.params
    if (!HANDLER_NAME.test(handler)) return reply.code(404).send(NO_SUCH_HANDLER)
    const page = await archive.listJobs({
      handler,
      state: 'dead',
      limit: REPLAYED_AT_ONCE,
      ...dropUndefined({ cursor }),
    })
    const isNone = page.rows.length === 0
    if (isNone && !(await isKnown(handler))) return reply.code(404).send(NO_SUCH_HANDLER)
    const wanted = page.rows.filter(
      ({ lastError }) => error === undefined || failureGroup(lastError) === error,
    )
    if (wanted.length === 0) {
      return { replayed: 0, examined: page.rows.length, cursor: page.cursor ?? null }
    }
    const replayed = await audited(
      {
        action: 'replay',
        address: request.ip,
        parameters: { handler, state: 'dead', error, cursor },
      },
      () => archive.replay(wanted, 'dead'),
      (jobs) => ({ jobs }),
    )
    observer.replayed({
      address: request.ip,
      filter: { handler, state: 'dead' },
      jobs: replayed,
    })
    return { replayed, examined: page.rows.length, cursor: page.cursor ?? null }
  })
}
