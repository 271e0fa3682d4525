import { batchOf, eventIdOf } from '../event-id.ts'
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

/** What a search found, and from which event on it has looked; undefined: at everything. */
export interface Found<Row> {
  readonly rows: readonly Row[]
  readonly reached?: number | undefined
}

/**
 * Cuts what is to be searched into windows of whole batches, the newest first, and ends early when
 * time is up. How long a look took is the time until the next window is asked for, which tells how
 * large it may be: where an index leads, a few windows hold everything. Who did not look at a whole
 * window says with `next` from where on he did.
 */
export function* cutWindows(
  { from: oldest, before }: SearchWindow,
  now: () => number,
): Generator<SearchWindow, void, number | undefined> {
  const endsAt = now() + BUDGET_MS
  let batches = FIRST_BATCHES
  let end = before
  while (end > oldest) {
    const from = Math.max(oldest, eventIdOf(batchOf(end - 1) + 1 - batches, 0))
    const begunAt = now()
    const reached = yield { from, before: end }
    if (now() >= endsAt) return
    const growth = Math.min(STEP_MS / Math.max(1, now() - begunAt), FASTEST_GROWTH)
    const next = reached ?? from
    const looked = batchOf(end - 1) + 1 - batchOf(next)
    batches = Math.max(1, Math.floor(looked * growth))
    end = next
  }
}

/** What is there to be searched; an empty table has no numbers. */
export function boundSearch(
  ids: { readonly first: number | null; readonly last: number | null } | undefined,
  before: number,
): SearchWindow {
  return { from: ids?.first ?? 0, before: Math.min(before, (ids?.last ?? -1) + 1) }
}

/** One by one: asked for together, SQLite would walk over the whole table. */
const SELECT_BOUNDS = `
  SELECT (SELECT min(id) FROM events) AS first, (SELECT max(id) FROM events) AS last`

/**
 * Looks for rows of events before this one, the newest first, until there are enough or time is up.
 * `look` finds at most `left` in one window, or in a part of it.
 */
export async function searchEvents<Row>(
  { query, now }: Reading,
  { before, limit }: { readonly before: number; readonly limit: number },
  look: (window: SearchWindow, left: number) => Promise<Found<Row>>,
): Promise<Found<Row>> {
  const [bounds] = await query<{ first: number | null; last: number | null }>(SELECT_BOUNDS)
  const all = boundSearch(bounds, before)
  const rows: Row[] = []
  let reached = all.before
  const windows = cutWindows(all, now)
  for (let next = windows.next(); !next.done; next = windows.next(reached)) {
    const found = await look(next.value, limit - rows.length)
    rows.push(...found.rows)
    reached = found.reached ?? next.value.from
    if (rows.length === limit) break
  }
  return { rows, reached: reached > all.from ? reached : undefined }
}
