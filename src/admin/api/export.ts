import { Readable } from 'node:stream'
import * as z from 'zod'
import { type EventRow, type Page, pagesOf } from '../../store/store.ts'
import { LONG_WORK } from '../answer-long-work.ts'
import type { AdminContext } from '../context.ts'
import { type AdminApp, answersFile } from '../openapi.ts'
import { isSpan, SPAN_PROBLEM } from '../parameters.ts'
import { type EventJson, eventFilter, eventJson, eventQuery } from './events.ts'

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
  // The same events as of a list, without paging: it goes on by itself.
  querystring: z.object(eventFilter).refine(isSpan, SPAN_PROBLEM),
  response: answersFile('text/csv'),
}

const MOST_ROWS = 10_000
/** Without it Excel takes the text for that of the machine's own code page. */
const BYTE_ORDER_MARK = '\uFEFF'

/** The newest events that match, as a file for a spreadsheet. */
export function addExportRoute(app: AdminApp, { archive }: AdminContext): void {
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
