import { eventIdOf } from '../event-id.ts'
import { addTo } from '../group-by.ts'
import { bitOf, eventsIn, type RunBits, withoutEvents } from '../run-bits.ts'
import { anyOf, each, isAmong, query, raw, type Sql, type Steps, sql } from '../steps.ts'
import { lock, type UpkeepPort } from './port.ts'

interface JobFact {
  readonly event: number
  readonly handler: string
  readonly state: string
}
interface RunFact extends RunBits {
  readonly id: number
  readonly handler: string
}
interface EventFact {
  readonly id: number
  readonly verdict: string
  readonly type: string
}

/** What goes: which events, by the column with their numbers. */
interface Removal {
  readonly batches: readonly number[]
  readonly which: (column: string) => Sql
  readonly isGone: (event: number) => boolean
  /** Jobs that stay, and with them their events. */
  readonly staying?: 'dead'
}

/**
 * Takes events of one batch away with their jobs, out of its runs and the totals too; answers how many
 * there were. Their keys stay.
 */
export function* removeEvents(
  port: UpkeepPort,
  batch: number,
  ids: readonly number[],
): Steps<number> {
  if (ids.length === 0) return 0
  const gone = new Set(ids)
  return yield* remove(port, {
    batches: [batch],
    which: (column) => isAmong(port, column, ids),
    isGone: (event) => gone.has(event),
  })
}

/**
 * What is left of a few batches, but dead jobs and their events. None of their jobs is pending. Their
 * events are named by ranges: a subquery that joins them to batches is run for every event, and takes minutes, where
 * PostgreSQL believes the tables empty.
 */
export function* removeRest(port: UpkeepPort, batches: readonly number[]): Steps<number> {
  if (batches.length === 0) return 0
  const which = (column: string) => {
    const isOf = (batch: number) =>
      sql`${raw(column)} BETWEEN ${eventIdOf(batch, 0)} AND ${eventIdOf(batch + 1, 0) - 1}`
    return anyOf(batches.map(isOf))
  }
  return yield* remove(port, {
    batches,
    which,
    isGone: () => true,
    staying: 'dead',
  })
}

function* remove(port: UpkeepPort, removal: Removal): Steps<number> {
  const { batches, which, isGone, staying = '' } = removal
  const runs = yield* query<RunFact>(
    sql`SELECT id, handler, base, wanted, done, failed FROM runs
     WHERE ${isAmong(port, 'batch', batches)} ORDER BY id ${lock(port)}`,
  )
  const inJobs = which('event')
  const jobs = yield* query<JobFact>(
    sql`SELECT event, handler, state FROM jobs WHERE ${inJobs}
     ORDER BY event, handler ${lock(port)}`,
  )
  yield* query(sql`DELETE FROM jobs WHERE state <> ${staying} AND ${inJobs}`)
  const events = yield* query<EventFact>(
    sql`DELETE FROM events WHERE ${which('id')}
       AND NOT EXISTS (SELECT 1 FROM jobs WHERE event = events.id) RETURNING id, verdict, type`,
  )
  if (port.removeLookups) yield* port.removeLookups(events.map(({ id }) => id))
  yield* clearRuns(runs, isGone)
  const totals = yield* port.totals.read()
  // A type that came when there were too many is counted with others.
  const nameOf = (type: string) => ((totals.get(`type:${type}`) ?? 0) > 0 ? type : '(other)')
  yield* port.totals.add(tally({ events, jobs, runs, isGone, nameOf }))
  return events.length
}

function* clearRuns(runs: readonly RunFact[], isGone: Removal['isGone']): Steps<void> {
  const cleared = runs.flatMap((run) => {
    const rest = withoutEvents(run, isGone)
    return rest ? [{ id: run.id, ...rest }] : []
  })
  const empty = cleared.filter(({ isEmpty }) => isEmpty)
  yield* each(
    'DELETE FROM runs WHERE id = ?',
    empty.map(({ id }) => [id]),
  )
  yield* each(
    'UPDATE runs SET wanted = ?, done = ?, failed = ?, open = ? WHERE id = ?',
    cleared.flatMap(({ id, wanted, done, failed, open, isEmpty }) =>
      isEmpty ? [] : [[wanted, done, failed, open, id]],
    ),
  )
}

/** What goes out of the totals. `nameOf` answers under which name a type is counted. */
function tally(gone: {
  readonly events: readonly EventFact[]
  readonly jobs: readonly JobFact[]
  readonly runs: readonly RunFact[]
  readonly isGone: Removal['isGone']
  readonly nameOf: (type: string) => string
}): ReadonlyMap<string, number> {
  const amounts = new Map<string, number>()
  const take = (name: string) => addTo(amounts, name, -1)
  for (const { verdict, type } of gone.events) {
    take('events')
    take(`type:${gone.nameOf(type)}`)
    if (verdict !== 'dispatched') take(verdict)
  }
  // The row of a job alone tells its state, else the newest run that has its event.
  const known = new Set<string>()
  for (const { event, handler, state } of gone.jobs) {
    known.add(`${event} ${handler}`)
    if (state === 'done' || state === 'discarded') take(`${state}:${handler}`)
  }
  for (const run of gone.runs.toReversed()) {
    for (const event of eventsIn(run, 'wanted')) {
      const name = `${event} ${run.handler}`
      if (known.has(name) || !gone.isGone(event)) continue
      known.add(name)
      if (bitOf(run, event) === 'done') take(`done:${run.handler}`)
    }
  }
  return amounts
}

/** Takes unreadable pieces out of quarantine; answers how many rows there were. */
export function* removePieces(port: UpkeepPort, ids: readonly number[]): Steps<number> {
  if (ids.length === 0) return 0
  const rows = yield* query<{ pieces: number }>(
    sql`DELETE FROM quarantine WHERE ${isAmong(port, 'id', ids)} RETURNING pieces`,
  )
  const pieces = rows.reduce((sum, row) => sum + row.pieces, 0)
  yield* port.totals.add(new Map([['quarantined', -pieces]]))
  return rows.length
}
