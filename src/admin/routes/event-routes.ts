import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Archive, EventQuery } from '../../store/store.ts'
import { dropUndefined } from '../drop-undefined.ts'
import { findEvent } from '../find-event.ts'
import { EVENT_DETAIL_JSON, EVENT_JSON, eventDetailJson, eventJson } from '../json/event-json.ts'
import { PAGE_JSON, pageJson } from '../json/page-json.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { EVENT_PARAMETERS, NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

export const NO_SUCH_EVENT = {
  error: 'not_found',
  message:
    'No event has this id here; retention may have removed it. The list of events shows their ids, ' +
    'and finds one by its event_id, which the provider gave.',
}

const LIST_EVENTS = {
  summary: 'Events, newest first',
  query: EVENT_PARAMETERS,
  answer: { json: z.object({ events: z.array(EVENT_JSON), ...PAGE_JSON }) },
} satisfies RouteDescription

const GET_EVENT = {
  summary: 'One event with its exact payload, its jobs and their attempts',
  query: NO_PARAMETERS,
  answer: { json: EVENT_DETAIL_JSON },
  errors: { 404: 'No event has this id.' },
} satisfies RouteDescription

export function addEventRoutes(app: FastifyInstance, archive: Archive): void {
  app.get('/api/events', { config: { description: LIST_EVENTS } }, async (request) => {
    const query = eventQuery(readParameters(LIST_EVENTS.query, request.query))
    const { rows, ...page } = await archive.listEvents(query)
    return { events: rows.map(eventJson), ...pageJson(page) }
  })

  const config = { description: GET_EVENT }
  app.get<{ Params: { id: string } }>('/api/events/:id', { config }, async (request, reply) => {
    readParameters(GET_EVENT.query, request.query)
    const event = await findEvent(archive, request.params.id)
    return event ? eventDetailJson(event) : reply.code(404).send(NO_SUCH_EVENT)
  })
}

export function eventQuery(parameters: z.output<typeof EVENT_PARAMETERS>): EventQuery {
  const { message_id: messageId, event_id: eventId, ...others } = parameters
  return { ...others, ...dropUndefined({ messageId, eventId }) }
}
