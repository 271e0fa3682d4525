import { eraseErrors, readEraseCursor, writeEraseCursor } from '../erase-errors.ts'
import type { EraseReceipt, EraseRequest } from '../store.ts'
import { createTraceFinder, type TraceFinder } from '../trace-finder.ts'
import { eraseNames } from './erase-names.ts'
import { countGone, deleteEvents, deletePieces } from './event-removal.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'on', timeoutMs: 20_000 }

/** Rows looked at in one call: a long transaction would keep vacuum from its work. */
const ROWS_PER_CALL = 2_000

const SELECT_SPAN = `
  SELECT max(id) AS last, count(*) AS seen
  FROM (SELECT id FROM events WHERE id > $1 ORDER BY id LIMIT ${ROWS_PER_CALL}) span`

/** The server looks coarsely, so that only what may hold a trace comes here to be read. */
const SELECT_EVENTS = `
  SELECT id, recipient, payload FROM events WHERE id > $1 AND id <= $2
    AND (payload ILIKE ANY($3::text[]) OR recipient ILIKE ANY($3::text[]))`

/** A replay locks events too, so that none gets a job while it goes. */
const LOCK_EVENTS = 'SELECT 1 FROM events WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE'
const DELETE_EVENTS = deleteEvents('SELECT unnest($1::bigint[]) AS id')

/** In the order in which every other statement locks jobs. */
const LOCK_ERRORS = `
  SELECT event_id, handler, failures FROM jobs
  WHERE event_id > $1 AND event_id <= $2 AND failures ILIKE ANY($3::text[])
  ORDER BY event_id, handler FOR UPDATE`
const UPDATE_ERRORS = 'UPDATE jobs SET failures = $3 WHERE event_id = $1 AND handler = $2'

/** As text: bytes beyond ASCII become their numbers, and the zeros of UTF-16 are left out. */
export const BYTES_AS_TEXT = String.raw`replace(encode(body, 'escape'), '\000', '')`

const SELECT_PIECES = `
  SELECT id, CASE WHEN ${BYTES_AS_TEXT} ILIKE ANY($2::text[]) THEN body END AS body
  FROM (SELECT id, body FROM quarantine WHERE id > $1 ORDER BY id LIMIT 50) span ORDER BY id`
const DELETE_PIECES = deletePieces('SELECT unnest($1::bigint[]) AS id')

interface EventText {
  id: number
  recipient: string | null
  payload: string
}
interface JobErrors {
  event_id: number
  handler: string
  failures: string
}

/** Removes what tells of a person, by walking over all there is: a text may name anybody. */
export function createErasing(transactions: Transactions) {
  return {
    erase({ traces, after: cursor }: EraseRequest): Promise<EraseReceipt> {
      const finder = createTraceFinder(traces)
      const { part, after } = readEraseCursor(cursor)
      const eraseSome = part === 'events' ? eraseEvents : erasePieces
      return transactions.run(PLAN, (query) => eraseSome(query, finder, after))
    },
  }
}

async function eraseEvents(
  query: Query,
  finder: TraceFinder,
  after: number,
): Promise<EraseReceipt> {
  const [span] = await query<{ last: number | null; seen: number }>(SELECT_SPAN, [after])
  if (!span?.last) return nothing({ part: 'quarantine', after: 0 })
  const bounds = [after, span.last, finder.patterns]
  const rows = await query<EventText>(SELECT_EVENTS, bounds)
  const found = rows
    .filter(
      ({ recipient, payload }) =>
        finder.isIn(payload) || (recipient !== null && finder.isIn(recipient)),
    )
    .map(({ id }) => id)
  if (found.length > 0) await query(LOCK_EVENTS, [found])
  const events = found.length > 0 ? await countGone(query, DELETE_EVENTS, [found]) : 0
  const errors = await eraseErrorsOf(query, finder, bounds)
  return { ...nothing({ part: 'events', after: span.last }), events, errors, seen: span.seen }
}

async function eraseErrorsOf(
  query: Query,
  finder: TraceFinder,
  bounds: readonly unknown[],
): Promise<number> {
  let erased = 0
  for (const row of await query<JobErrors>(LOCK_ERRORS, bounds)) {
    const rest = eraseErrors(row.failures, finder)
    if (rest === undefined) continue
    await query(UPDATE_ERRORS, [row.event_id, row.handler, rest])
    erased++
  }
  return erased
}

async function erasePieces(
  query: Query,
  finder: TraceFinder,
  after: number,
): Promise<EraseReceipt> {
  const values = [after, finder.patterns]
  const rows = await query<{ id: number; body: Uint8Array | null }>(SELECT_PIECES, values)
  const last = rows.at(-1)?.id
  if (last === undefined) {
    await eraseNames(query, finder)
    return nothing(undefined)
  }
  const found = rows.filter(({ body }) => body !== null && finder.isInBytes(body))
  const pieces = await countGone(query, DELETE_PIECES, [found.map(({ id }) => id)])
  return { ...nothing({ part: 'quarantine', after: last }), pieces }
}

function nothing(next: Parameters<typeof writeEraseCursor>[0] | undefined): EraseReceipt {
  return { events: 0, pieces: 0, errors: 0, seen: 0, after: next && writeEraseCursor(next) }
}
