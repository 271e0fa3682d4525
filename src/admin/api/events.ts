import { Readable } from 'node:stream'
import * as z from 'zod'
import { EVENT_STATES, NORMALISED_NAMES, PROVIDER_NAMES } from '../../model.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import {
  type Archive,
  type EventDetail,
  type EventQuery,
  type EventRow,
  type Page,
  pagesOf,
} from '../../store/store.ts'
import { Refusal } from '../answer-errors.ts'
import { LONG_WORK } from '../answer-long-work.ts'
import { dropUndefined, isoTime, PAGE_JSON, pageJson, TIME_JSON } from '../answer-parts.ts'
import type { AdminContext } from '../context.ts'
import { type AdminApp, answersFile } from '../openapi.ts'
import { isRowId, isSpan, oneOf, page, SPAN_PROBLEM, span, text } from '../parameters.ts'
import { JOB_JSON, jobJson } from './jobs.ts'

/** An event as the API shows it. */
const EVENT_JSON = z.object({
  id: z.string().describe("The receiver's own id; `event_id` is the provider's."),
  batch: z.string(),
  position: z.number().describe('Of its piece in the batch, from 0.'),
  source: z.string(),
  provider: z.enum(PROVIDER_NAMES),
  type: z.string(),
  name: z.enum(NORMALISED_NAMES).nullable().describe('The name shared by all providers.'),
  state: z.enum(EVENT_STATES),
  is_test: z.boolean().describe("Made by the provider's test button: never given to handlers."),
  event_id: z.string().nullable(),
  message_id: z.string().nullable(),
  recipient: z.string().nullable(),
  occurred_at: TIME_JSON,
  received_at: TIME_JSON,
})
export type EventJson = z.output<typeof EVENT_JSON>

const EVENT_DETAIL_JSON = EVENT_JSON.extend({
  payload: z.string().describe('The exact text received.'),
  jobs: z.array(JOB_JSON),
})
export type EventDetailJson = z.output<typeof EVENT_DETAIL_JSON>

/** Nothing that people put around addresses, and nothing in which a space means one. */
const BARE_ADDRESS = /^[^@"<>()]*@[^@"<>()\s]*$/

/** A plus that somebody left as it is in a URL arrives as a space, of which an address holds none. */
function keepPlus(value: string): string {
  return BARE_ADDRESS.test(value) ? value.replaceAll(' ', '+') : value
}

const eventFilter = {
  source: text.exactOptional(),
  type: text.exactOptional(),
  state: oneOf(EVENT_STATES).exactOptional(),
  recipient: text.transform(keepPlus).describe('In any case; + is a plus.').exactOptional(),
  message_id: text.exactOptional(),
  event_id: text.exactOptional(),
  batch: text.describe('The id of one, of which these came.').exactOptional(),
  ...span,
}
const EVENT_PARAMETERS = z.object({ ...eventFilter, ...page }).refine(isSpan, SPAN_PROBLEM)

const EVENTS_JSON = z.object({ events: z.array(EVENT_JSON), ...PAGE_JSON })
export type EventsJson = z.output<typeof EVENTS_JSON>

const LIST_EVENTS = {
  summary: 'Events, newest first',
  querystring: EVENT_PARAMETERS,
  response: { 200: EVENTS_JSON },
}

const GET_EVENT = {
  summary: 'One event with its exact payload, its jobs and their attempts',
  params: z.object({ id: z.string() }),
  response: { 200: EVENT_DETAIL_JSON },
  errors: { 404: 'No event has this id.' },
}

const EXPORT = {
  summary: 'The newest 10,000 events that match, as CSV in which no cell is a formula',
  // The same events as of a list, without paging: it goes on by itself.
  querystring: z.object(eventFilter).refine(isSpan, SPAN_PROBLEM),
  response: answersFile('text/csv'),
}

export function addEventRoutes(app: AdminApp, { archive }: AdminContext): void {
  app.get('/api/events', { schema: LIST_EVENTS }, async ({ query }) => {
    const { rows, ...page } = await archive.listEvents(eventQuery(query))
    return { events: rows.map(eventJson), ...pageJson(page) }
  })

  app.get('/api/events/:id', { schema: GET_EVENT }, async ({ params }) => {
    const { payload, jobs, ...row } = await findEvent(archive, params.id)
    return { ...eventJson(row), payload, jobs: jobs.map(jobJson) }
  })

  // The newest events that match, as a file for a spreadsheet.
  app.get('/api/events.csv', { ...LONG_WORK, schema: EXPORT }, async (request, reply) => {
    const query = eventQuery(request.query)
    const pages = pagesOf((paging) => archive.listEvents({ ...query, ...paging }))
    // The first page before the answer begins: a store that fails is an error, not half a file.
    const first = await pages.next()
    return reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="events.csv"')
      .send(Readable.from(writeLines(first, pages)))
  })
}

function eventQuery(parameters: z.output<typeof EVENT_PARAMETERS>): EventQuery {
  const { message_id: messageId, event_id: eventId, ...others } = parameters
  return { ...others, ...dropUndefined({ messageId, eventId }) }
}

function eventJson(row: EventRow): EventJson {
  return {
    id: row.id,
    batch: row.batch,
    position: row.position,
    source: row.source,
    provider: row.provider,
    type: row.type,
    name: row.name ?? null,
    state: row.state,
    is_test: isTestEvent(row),
    event_id: row.eventId ?? null,
    message_id: row.messageId ?? null,
    recipient: row.recipient ?? null,
    occurred_at: isoTime(row.occurredAt),
    received_at: isoTime(row.receivedAt),
  }
}

/** Whether a provider's test made the event: it is kept, and never given to handlers. */
export function isTestEvent({ provider, eventId }: EventRow): boolean {
  return PROVIDERS[provider].isTestId(eventId)
}

/** The event of an id that somebody gave. */
export async function findEvent(
  archive: Pick<Archive, 'getEvent'>,
  id: string,
): Promise<EventDetail> {
  const event = isRowId(id) ? await archive.getEvent(id) : undefined
  if (event) return event
  throw new Refusal(
    404,
    'not_found',
    'No event has this id here; retention may have removed it. The list of events shows their ids, ' +
      'and finds one by its event_id, which the provider gave.',
  )
}

const MOST_ROWS = 10_000
/** Without it Excel takes the text for that of the machine's own code page. */
const BYTE_ORDER_MARK = '\uFEFF'

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

type Pages = AsyncGenerator<Page<EventRow>, void>

async function* writeLines(first: Awaited<ReturnType<Pages['next']>>, pages: Pages) {
  yield `${BYTE_ORDER_MARK}${csvLine(COLUMNS)}`
  let room = MOST_ROWS
  for (let page = first; !page.done; page = await pages.next()) {
    // A look may find less than a page, even nothing: only what was written counts.
    const events = page.value.rows.slice(0, room).map(eventJson)
    yield events.map((event) => csvLine(COLUMNS.map((column) => event[column]))).join('')
    room -= events.length
    if (room === 0) return
  }
}

/** A program that opens the file would take these for the beginning of a formula. */
const FORMULA = /^[\s]*[=+\-@|%\t\r]/

/** One line of a CSV file (RFC 4180). Texts of strangers never become formulas, or further lines. */
export function csvLine(cells: readonly (string | number | boolean | null)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

function csvCell(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value)
  const text = FORMULA.test(value) ? `'${value}` : value
  return /["',;\s]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
