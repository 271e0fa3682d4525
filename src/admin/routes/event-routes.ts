import type { FastifyInstance } from 'fastify'
import type { z } from 'zod'
import type { Archive, EventQuery } from '../../store/store.ts'
import { dropUndefined } from '../drop-undefined.ts'
import { eventDetailJson, eventJson } from '../json/event-json.ts'
import { EVENT_PARAMETERS, NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { isRowId } from '../parameters/row-id.ts'

export const NO_SUCH_EVENT = {
  error: 'not_found',
  message:
    'No event has this id here; retention may have removed it. The list of events shows their ids, ' +
    'and finds one by its event_id, which the provider gave.',
}

export function addEventRoutes(app: FastifyInstance, archive: Archive): void {
  app.get('/api/events', async (request) => {
    const query = eventQuery(readParameters(EVENT_PARAMETERS, request.query))
    const { rows, cursor } = await archive.listEvents(query)
    return { events: rows.map(eventJson), cursor: cursor ?? null }
  })

  app.get<{ Params: { id: string } }>('/api/events/:id', async (request, reply) => {
    readParameters(NO_PARAMETERS, request.query)
    const { id } = request.params
    const event = isRowId(id) ? await archive.getEvent(id) : undefined
    return event ? eventDetailJson(event) : reply.code(404).send(NO_SUCH_EVENT)
  })
}

function eventQuery(parameters: z.output<typeof EVENT_PARAMETERS>): EventQuery {
  const { message_id: messageId, event_id: eventId, ...others } = parameters
  return { ...others, ...dropUndefined({ messageId, eventId }) }
}
