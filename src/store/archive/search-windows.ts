import { batchOf, eventIdOf } from '../event-id.ts'
import type { Page } from '../store.ts'
import type { Reading } from './port.ts'

/** A search that takes longer says how far it came; its cursor asks for the rest. */
const BUDGET_MS = 150

const FIRST_BATCHES = 2
/** One look may take so long; the next is made smaller or larger accordingly. */
const STEP_MS = 20
const FASTEST_GROWTH = 8

/** Events with these numbers are looked at together: from here on, up to before there. */
export interface SearchWindow {
  readonly from: number
  readonly before: number
}

/** What a look found, and from which event on it has looked; undefined: at the whole window. */
interface Found<Row> {
  readonly rows: readonly Row[]
  readonly reached?: number | undefined
}

interface Search<Row> {
  readonly before: number
  readonly limit: number
  /** Finds at most `left` in one window, or in a part of it. */
  readonly look: (window: SearchWindow, left: number) => Promise<Found<Row>>
  /** By which the next page goes on behind a row. */
  readonly cursorOf: (row: Row) => string
  /** And before an event, where time was up. */
  readonly cursorBefore: (event: number) => string
}

/** One by one: asked for together, SQLite would walk over the whole table. */
const SELECT_BOUNDS = `
  SELECT (SELECT min(id) FROM events) AS first, (SELECT max(id) FROM events) AS last`

/**
 * Looks for rows of events before this one, the newest first, until there are enough or time is up: in
 * windows of whole batches, each made as large as the time that the look before took allows. Where an
 * index leads, a few windows hold everything.
 */
export async function searchEvents<Row>(
  { query, now }: Reading,
  { before, limit, look, cursorOf, cursorBefore }: Search<Row>,
): Promise<Page<Row>> {
  const [bounds] = await query<{ first: number | null; last: number | null }>(SELECT_BOUNDS)
  // An empty table has no numbers.
  const oldest = bounds?.first ?? 0
  let end = Math.min(before, (bounds?.last ?? -1) + 1)
  const endsAt = now() + BUDGET_MS
  const rows: Row[] = []
  for (let batches = FIRST_BATCHES; end > oldest; ) {
    const window = { from: Math.max(oldest, eventIdOf(endOf(end) - batches, 0)), before: end }
    const begunAt = now()
    const found = await look(window, limit - rows.length)
    rows.push(...found.rows)
    end = found.reached ?? window.from
    if (rows.length === limit || now() >= endsAt) break
    const growth = Math.min(STEP_MS / Math.max(1, now() - begunAt), FASTEST_GROWTH)
    batches = Math.max(1, Math.floor((endOf(window.before) - batchOf(end)) * growth))
  }
  const last = rows.length === limit ? rows.at(-1) : undefined
  if (last !== undefined) return { rows, cursor: cursorOf(last) }
  if (end <= oldest) return { rows, cursor: undefined }
  return { rows, cursor: cursorBefore(end), isPartial: true }
}

/** The batch behind that of the last event before this one. */
const endOf = (before: number): number => batchOf(before - 1) + 1
