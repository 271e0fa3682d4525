import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { HandlerRegistration } from '../../model.ts'
import { findNearestWord } from '../../nearest-word.ts'
import type { Observer } from '../../observe/observer.ts'
import { answerLongWork, LONG_WORK } from '../answer-long-work.ts'
import type { AuditTrail } from '../audit-trail.ts'
import { findEvent } from '../find-event.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { InvalidParameters } from '../parameters/invalid-parameters.ts'
import { NO_PARAMETERS, REPLAY_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { type ReplayArchive, type ReplayRequest, replayEvents } from '../replay-events.ts'
import { NO_SUCH_EVENT } from './event-routes.ts'

export interface ReplayRouteOptions {
  readonly archive: ReplayArchive
  readonly observer: Pick<Observer, 'adminFailed' | 'replayed'>
  readonly registrations: () => readonly HandlerRegistration[]
  readonly audited: AuditTrail
}

const REPLAY = {
  summary: 'Makes matching jobs pending again, and those that never were; one field at least',
  query: NO_PARAMETERS,
  body: REPLAY_PARAMETERS,
  answer: { json: z.object({ replayed: z.number().describe('Jobs.') }), isLong: true },
  errors: { 404: 'No event has the id that was given.' },
} satisfies RouteDescription

export function addReplayRoute(app: FastifyInstance, options: ReplayRouteOptions): void {
  const { archive, observer, registrations, audited } = options

  app.post(
    '/api/replay',
    { ...LONG_WORK, config: { description: REPLAY } },
    async (request, reply) => {
      readParameters(REPLAY.query, request.query)
      const wanted = readParameters(REPLAY.body, request.body)
      const handlers = registrations()
      refuseEverything(wanted)
      refuseUnknownHandler(wanted.handler, handlers)
      if (wanted.event !== undefined && !(await findEvent(archive, wanted.event))) {
        return reply.code(404).send(NO_SUCH_EVENT)
      }
      return await answerLongWork({ request, reply, observer }, async (onProgress) => {
        const replayed = await audited(
          { action: 'replay', address: request.ip, parameters: { ...wanted } },
          () =>
            replayEvents(archive, wanted, {
              handlers,
              onProgress: (done) => onProgress({ done, unit: 'jobs' }),
            }),
          (jobs) => ({ jobs }),
        )
        observer.replayed({ address: request.ip, filter: wanted, jobs: replayed })
        return { replayed }
      })
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
