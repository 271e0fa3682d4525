import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { HandlerRegistration } from '../../model.ts'
import { findNearestWord } from '../../nearest-word.ts'
import type { Observer } from '../../observe/observer.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { InvalidParameters } from '../parameters/invalid-parameters.ts'
import { NO_PARAMETERS, REPLAY_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { type ReplayArchive, type ReplayRequest, replayEvents } from '../replay-events.ts'
import { NO_SUCH_EVENT } from './event-routes.ts'

export interface ReplayRouteOptions {
  readonly archive: ReplayArchive
  readonly observer: Pick<Observer, 'replayed'>
  readonly registrations: () => readonly HandlerRegistration[]
}

const REPLAY = {
  summary: 'Makes matching jobs pending again, and those that never were; one field at least',
  query: NO_PARAMETERS,
  body: REPLAY_PARAMETERS,
  answer: { json: z.object({ replayed: z.number().describe('Jobs.') }) },
  errors: { 404: 'No event has the id that was given.' },
} satisfies RouteDescription

/** However many events are walked through: an answer before the end could not say how many jobs. */
const TIMEOUT_MS = 86_400_000

export function addReplayRoute(app: FastifyInstance, options: ReplayRouteOptions): void {
  const { archive, observer, registrations } = options

  app.post(
    '/api/replay',
    { handlerTimeout: TIMEOUT_MS, config: { description: REPLAY } },
    async (request, reply) => {
      readParameters(REPLAY.query, request.query)
      const wanted = readParameters(REPLAY.body, request.body)
      const handlers = registrations()
      refuseEverything(wanted)
      refuseUnknownHandler(wanted.handler, handlers)
      const replayed = await replayEvents(archive, wanted, handlers)
      if (replayed === undefined) return reply.code(404).send(NO_SUCH_EVENT)
      observer.replayed({ address: request.ip, filter: wanted, jobs: replayed })
      return { replayed }
    },
  )
}

function refuseEverything(wanted: ReplayRequest): void {
  if (Object.keys(wanted).length > 0) return
  const names = Object.keys(REPLAY_PARAMETERS.shape).join(', ')
  throw new InvalidParameters([
    `At least one of ${names} is needed: without any, every event would run again.`,
  ])
}

/** A misspelt name would replay nothing and say so with a friendly 0. */
function refuseUnknownHandler(
  name: string | undefined,
  handlers: readonly HandlerRegistration[],
): void {
  const names = handlers.map((handler) => handler.name)
  if (name === undefined || names.includes(name)) return
  const nearest = findNearestWord(name, names)
  const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`
  const list = names.length === 0 ? 'none is loaded' : names.join(', ')
  throw new InvalidParameters([`handler must be the name of a handler: ${list}.${hint}`])
}
