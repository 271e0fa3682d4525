import { batchOf, eventIdOf } from '../event-id.ts'
import { eventsIn, type RunBits } from '../run-bits.ts'
import type { JobQuery } from '../store.ts'
import { allOf, type Condition, isAmong, type Reading } from './port.ts'
import type { SearchWindow } from './search-windows.ts'

/** Events of a window worth looking at, newest first, and from where on they are all of them. */
export interface Candidates {
  readonly ids: readonly number[]
  readonly reached: number
}

/** Finds so many of a window at most. */
export type FindCandidates = (window: SearchWindow, atOnce: number) => Promise<Candidates>

/** What candidates are wanted for: jobs in this state, or in any; of this handler, or of any. */
export interface WantedJobs {
  readonly state?: JobQuery['state'] | undefined
  readonly handler?: string | undefined
}

/** Where more wait, they are found by walking over all runs: then they are not far between. */
const MOST_KNOWN = 5_000

const IS_OPEN: Condition = { sql: 'open > 0', values: [] }
const PENDING = `state = 'pending'`
const RETRYING = `${PENDING} AND attempt > 0`
/** What job rows are in a state; in the others that of a run may be newer. */
const IN_STATE: Readonly<Partial<Record<NonNullable<JobQuery['state']>, string>>> = {
  pending: PENDING,
  retrying: RETRYING,
  discarded: `state = 'discarded'`,
}

/** Finds events that may have such a job. */
export async function createCandidates(
  reading: Reading,
  wanted: WantedJobs,
): Promise<FindCandidates> {
  if (wanted.state === 'dead') {
    return (window, atOnce) => findDead(reading, wanted.handler, { window, atOnce })
  }
  const isPending = wanted.state === 'pending' || wanted.state === 'retrying'
  const known = isPending ? await findPending(reading, wanted) : undefined
  if (known) return inPortions((window) => readKnown(reading, known, window))
  return inPortions((window) => readWindow(reading, wanted, window))
}

/** The dead have an index of their own. */
async function findDead(
  { query }: Reading,
  handler: string | undefined,
  { window, atOnce }: { readonly window: SearchWindow; readonly atOnce: number },
): Promise<Candidates> {
  const inWindow = `state = 'dead' AND event >= ? AND event < ?`
  const { sql, values } = allOf([
    { sql: inWindow, values: [window.from, window.before] },
    ...(handler === undefined ? [] : [{ sql: 'handler = ?', values: [handler] }]),
  ])
  const rows = await query<{ event: number }>(
    `SELECT DISTINCT event FROM jobs WHERE ${sql} ORDER BY event DESC LIMIT ?`,
    [...values, atOnce],
  )
  const ids = rows.map(({ event }) => event)
  return { ids, reached: ids[atOnce - 1] ?? window.from }
}

/** Keeps what was found in a window beyond what is looked at now, for the looks that follow. */
export function inPortions(
  find: (window: SearchWindow) => Promise<{ readonly ids: number[]; readonly from: number }>,
): FindCandidates {
  let rest: { ids: Float64Array; from: number; before: number } | undefined

  return async (window, atOnce) => {
    if (rest?.before !== window.before) {
      const found = await find(window)
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
async function findPending(
  reading: Reading,
  { state, handler }: WantedJobs,
): Promise<KnownPending | undefined> {
  const isOfHandler = handler === undefined ? [] : [{ sql: 'handler = ?', values: [handler] }]
  const open = allOf([IS_OPEN, ...isOfHandler])
  const runs =
    state === 'retrying'
      ? []
      : await reading.query<{ batch: number }>(
          `SELECT batch FROM runs WHERE ${open.sql} LIMIT ${MOST_KNOWN + 1}`,
          open.values,
        )
  const pending = allOf([
    { sql: state === 'retrying' ? RETRYING : PENDING, values: [] },
    ...isOfHandler,
  ])
  const jobs = await reading.query<{ event: number }>(
    `SELECT event FROM jobs WHERE ${pending.sql} LIMIT ${MOST_KNOWN + 1}`,
    pending.values,
  )
  if (Math.max(runs.length, jobs.length) > MOST_KNOWN) return undefined
  const batches = new Set(runs.map(({ batch }) => batch))
  return {
    batches: [...batches].sort((one, other) => other - one),
    events: jobs.map(({ event }) => event),
  }
}

const BATCHES_AT_ONCE = 20

async function readKnown(reading: Reading, known: KnownPending, { from, before }: SearchWindow) {
  const batches = known.batches.filter(
    (batch) => batch >= batchOf(from) && batch <= batchOf(before - 1),
  )
  const now = batches.slice(0, BATCHES_AT_ONCE)
  const runs =
    now.length === 0 ? [] : await readBits(reading, [isAmong(reading, 'batch', now), IS_OPEN])
  return {
    ids: [...runs.flatMap((run) => eventsIn(run, 'open')), ...known.events],
    from: batches.length > now.length ? eventIdOf(now.at(-1) ?? 0, 0) : from,
  }
}

async function readWindow(
  reading: Reading,
  { state, handler }: WantedJobs,
  { from, before }: SearchWindow,
) {
  // So that no other index than that of the window leads: a handler may have a million open runs.
  const isOfHandler = handler === undefined ? [] : [{ sql: `handler || '' = ?`, values: [handler] }]
  const isPending = state === 'pending'
  const inBatches = { sql: 'batch >= ? AND batch <= ?', values: [from, before - 1].map(batchOf) }
  // No bit of a run tells that a job was discarded, or failed and is tried again.
  const runs =
    state === 'discarded' || state === 'retrying'
      ? []
      : await readBits(reading, [inBatches, ...(isPending ? [IS_OPEN] : []), ...isOfHandler])
  const isInWindow = { sql: 'event >= ? AND event < ?', values: [from, before] }
  const inState = state && IN_STATE[state]
  const isInState = inState === undefined ? [] : [{ sql: inState, values: [] }]
  const { sql, values } = allOf([isInWindow, ...isInState, ...isOfHandler])
  const jobs = await reading.query<{ event: number }>(`SELECT event FROM jobs WHERE ${sql}`, values)
  const bits = isPending ? 'open' : state === 'done' ? 'done' : 'wanted'
  return {
    ids: [...runs.flatMap((run) => eventsIn(run, bits)), ...jobs.map(({ event }) => event)],
    from,
  }
}

async function readBits(
  { query }: Reading,
  conditions: readonly Condition[],
): Promise<readonly RunBits[]> {
  const { sql, values } = allOf(conditions)
  return await query<RunBits>(`SELECT base, wanted, done, failed FROM runs WHERE ${sql}`, values)
}
