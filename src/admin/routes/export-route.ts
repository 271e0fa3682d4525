import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Archive, EventQuery, EventRow, Page } from '../../store/store.ts'
import { LONG_WORK } from '../answer-long-work.ts'
import { csvLine } from '../csv.ts'
import { dropUndefined } from '../drop-undefined.ts'
import { type EventJson, eventJson } from '../json/event-json.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { EXPORT_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { eventQuery } from './event-routes.ts'

const COLUMNS = [
  'id',
  'received_at',
  'occurred_at',
  'source',
  'provider',
  'type',
  'name',
  'state',
  'is_test',
  'recipient',
  'message_id',
  'event_id',
  'batch',
  'position',
] as const satisfies readonly (keyof EventJson)[]

const EXPORT = {
  summary: 'The newest 10,000 events that match, as CSV in which no cell is a formula',
  query: EXPORT_PARAMETERS,
  answer: { mediaType: 'text/csv' },
} satisfies RouteDescription

const PAGE = 500
const MOST_ROWS = 10_000

/** The newest events that match, as a file for a spreadsheet. */
export function addExportRoute(app: FastifyInstance, archive: Pick<Archive, 'listEvents'>): void {
  const asFile = { ...LONG_WORK, config: { description: EXPORT } }
  app.get('/api/events.csv', asFile, async (request, reply) => {
    const query = eventQuery(readParameters(EXPORT.query, request.query))
    // The first page before the answer begins: a store that fails is an error, not half a file.
    const first = await readPage(archive, query)
    return reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="events.csv"')
      .send(Readable.from(writeLines(archive, query, first)))
  })
}

type ListArchive = Pick<Archive, 'listEvents'>

function readPage(archive: ListArchive, query: EventQuery, cursor?: string) {
  return archive.listEvents({ ...query, limit: PAGE, ...dropUndefined({ cursor }) })
}

async function* writeLines(archive: ListArchive, query: EventQuery, first: Page<EventRow>) {
  yield csvLine(COLUMNS)
  let page = first
  let room = MOST_ROWS
  for (;;) {
    // A look may find less than a page, even nothing: only what was written counts.
    const events = page.rows.slice(0, room).map(eventJson)
    yield events.map((event) => csvLine(COLUMNS.map((column) => event[column]))).join('')
    room -= events.length
    if (page.cursor === undefined || room === 0) return
    page = await readPage(archive, query, page.cursor)
  }
}
