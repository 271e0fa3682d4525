import { batchOf, eventIdOf } from '../event-id.ts'
import { eventsIn, type RunBits } from '../run-bits.ts'
import { allOf, isAmong, query, raw, type Sql, type Steps, sql } from '../steps.ts'
import type { JobQuery, Page } from '../store.ts'
import type { Reading, SearchWindow } from './port.ts'

/** Events of a window worth looking at, newest first, and from where on they are all of them. */
interface Candidates {
  readonly ids: readonly number[]
  readonly reached: number
}

/** Finds so many of a window at most. */
export type FindCandidates = (window: SearchWindow, atOnce: number) => Steps<Candidates>

/** What candidates are wanted for: jobs in this state, or in any; of this handler, or of any. */
interface WantedJobs {
  readonly state?: JobQuery['state'] | undefined
  readonly handler?: string | undefined
}

/** Where more wait, they are found by walking over all runs: then they are not far between. */
const MOST_KNOWN = 5_000

const IS_OPEN = raw('open > 0')
/** What job rows are in a state; of the done that of a run may be newer. */
const IN_STATE = {
  pending: raw(`state = 'pending'`),
  retrying: raw(`state = 'pending' AND attempt > 0`),
  discarded: raw(`state = 'discarded'`),
  dead: raw(`state = 'dead'`),
  done: undefined,
} as const satisfies Record<NonNullable<JobQuery['state']>, Sql | undefined>

/** Finds events that may have such a job. */
export function* createCandidates(reading: Reading, wanted: WantedJobs): Steps<FindCandidates> {
  const { state } = wanted
  const isPending = state === 'pending' || state === 'retrying'
  const known = isPending ? yield* findPending(state, wanted.handler) : undefined
  if (known) return inPortions((window) => readKnown(reading, known, window))
  return inPortions((window) => readWindow(wanted, window))
}

const isOf = (handler: string | undefined) =>
  handler === undefined ? undefined : sql`handler = ${handler}`

/** Keeps what was found in a window beyond what is looked at now, for the looks that follow. */
export function inPortions(
  find: (window: SearchWindow) => Steps<{ readonly ids: number[]; readonly from: number }>,
): FindCandidates {
  let rest: { ids: Float64Array; from: number; before: number } | undefined

  return function* (window, atOnce) {
    if (rest?.before !== window.before) {
      const found = yield* find(window)
      const inWindow = found.ids.filter((id) => id >= found.from && id < window.before)
      const ids = Float64Array.from(new Set(inWindow)).sort().reverse()
      rest = { ids, from: found.from, before: window.before }
    }
    const { ids, from } = rest
    const portion = [...ids.subarray(0, atOnce)]
    const last = portion.at(-1)
    const isAll = ids.length <= atOnce || last === undefined
    rest = isAll ? undefined : { ids: ids.subarray(atOnce), from, before: last }
    return { ids: portion, reached: isAll ? from : last }
  }
}

interface KnownPending {
  /** With an open run. */
  readonly batches: readonly number[]
  /** With a pending job row. */
  readonly events: readonly number[]
}

/** All that is pending, unless that is too much to be read for every page. */
function* findPending(
  state: 'pending' | 'retrying',
  handler: string | undefined,
): Steps<KnownPending | undefined> {
  const open = allOf([IS_OPEN, isOf(handler)])
  const runs =
    state === 'retrying'
      ? []
      : yield* query<{ batch: number }>(
          sql`SELECT batch FROM runs WHERE ${open} LIMIT ${MOST_KNOWN + 1}`,
        )
  const pending = allOf([IN_STATE[state], isOf(handler)])
  const jobs = yield* query<{ event: number }>(
    sql`SELECT event FROM jobs WHERE ${pending} LIMIT ${MOST_KNOWN + 1}`,
  )
  if (Math.max(runs.length, jobs.length) > MOST_KNOWN) return undefined
  const batches = new Set(runs.map(({ batch }) => batch))
  return {
    batches: [...batches].sort((one, other) => other - one),
    events: jobs.map(({ event }) => event),
  }
}

const BATCHES_AT_ONCE = 20

function* readKnown(reading: Reading, known: KnownPending, { from, before }: SearchWindow) {
  const batches = known.batches.filter(
    (batch) => batch >= batchOf(from) && batch <= batchOf(before - 1),
  )
  const now = batches.slice(0, BATCHES_AT_ONCE)
  const runs = now.length === 0 ? [] : yield* readBits([isAmong(reading, 'batch', now), IS_OPEN])
  return {
    ids: [...runs.flatMap((run) => eventsIn(run, 'open')), ...known.events],
    from: batches.length > now.length ? eventIdOf(now.at(-1) ?? 0, 0) : from,
  }
}

function* readWindow({ state, handler }: WantedJobs, { from, before }: SearchWindow) {
  // So that no other index than that of the window leads: a handler may have a million open runs.
  const isOfHandler = handler === undefined ? undefined : sql`handler || '' = ${handler}`
  const isPending = state === 'pending'
  const inBatches = sql`batch >= ${batchOf(from)} AND batch <= ${batchOf(before - 1)}`
  // Of what has failed, only the job's row tells what became of it.
  const isInRuns = state === undefined || state === 'pending' || state === 'done'
  const runs = isInRuns
    ? yield* readBits([inBatches, isPending ? IS_OPEN : undefined, isOfHandler])
    : []
  const isInWindow = sql`event >= ${from} AND event < ${before}`
  const wanted = allOf([isInWindow, state && IN_STATE[state], isOfHandler])
  const jobs = yield* query<{ event: number }>(sql`SELECT event FROM jobs WHERE ${wanted}`)
  const bits = isPending ? 'open' : state === 'done' ? 'done' : 'wanted'
  return {
    ids: [...runs.flatMap((run) => eventsIn(run, bits)), ...jobs.map(({ event }) => event)],
    from,
  }
}

function* readBits(conditions: readonly (Sql | undefined)[]): Steps<readonly RunBits[]> {
  return yield* query(sql`SELECT base, wanted, done, failed FROM runs WHERE ${allOf(conditions)}`)
}

/** A search that takes longer says how far it came; its cursor asks for the rest. */
const BUDGET_MS = 150

const FIRST_BATCHES = 2
/** One look may take so long; the next is made smaller or larger accordingly. */
const STEP_MS = 20
const FASTEST_GROWTH = 8

/** What a look found, and from which event on it has looked; undefined: at the whole window. */
interface Found<Row> {
  readonly rows: readonly Row[]
  readonly reached?: number | undefined
}

interface Search<Row> {
  readonly before: number
  readonly limit: number
  /** Finds at most `left` in one window, or in a part of it. */
  readonly look: (window: SearchWindow, left: number) => Steps<Found<Row>>
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
export function* searchEvents<Row>(
  { now }: Pick<Reading, 'now'>,
  { before, limit, look, cursorOf, cursorBefore }: Search<Row>,
): Steps<Page<Row>> {
  const [bounds] = yield* query<{ first: number | null; last: number | null }>(SELECT_BOUNDS)
  // An empty table has no numbers.
  const oldest = bounds?.first ?? 0
  let end = Math.min(before, (bounds?.last ?? -1) + 1)
  const endsAt = now() + BUDGET_MS
  const rows: Row[] = []
  for (let batches = FIRST_BATCHES; end > oldest; ) {
    const window = { from: Math.max(oldest, eventIdOf(endOf(end) - batches, 0)), before: end }
    const begunAt = now()
    const found = yield* look(window, limit - rows.length)
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
