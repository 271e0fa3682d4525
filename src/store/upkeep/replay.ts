import { DISCARD_LINE, recordDiscard, withLine } from '../claimed-rows.ts'
import { batchOf } from '../event-id.ts'
import { addTo, groupBy } from '../group-by.ts'
import { bitOf, RUN_SPAN, type RunBits } from '../run-bits.ts'
import { each, isAmong, query, raw, type Steps, sql } from '../steps.ts'
import type { JobName, SettledState } from '../store.ts'
import { lock, lockBatches, type UpkeepPort, type WaitingRun } from './port.ts'

type Only = SettledState | undefined

interface Name {
  readonly event: number
  readonly handler: string
}
interface RunRow extends RunBits {
  readonly batch: number
  readonly handler: string
}
interface JobRow extends Name {
  readonly state: string
  readonly attempt: number
  readonly endedAt: number | null
  readonly durationMs: number | null
  readonly bytes: number
}
/** An event that gets a job again. The bit by which it was done stays, and tells of that attempt. */
interface Again extends Name {
  readonly verdict: string
  readonly wasDone: boolean
}

const nameOf = ({ event, handler }: Name): string => `${event} ${handler}`
const groupOf = ({ event, handler }: Name): string => `${batchOf(event)} ${handler}`

/** Makes jobs pending again, and makes those that never were. Answers how many. */
export function* replay(port: UpkeepPort, jobs: readonly JobName[], only: Only): Steps<number> {
  const names = readNames(jobs)
  if (names.length === 0) return 0
  const events = [...new Set(names.map(({ event }) => event))]
  const batches = [...new Set(events.map(batchOf))]
  // Pruning holds the batch as well, so that nothing goes away under what becomes pending.
  yield* lockBatches(port, batches)
  const ofHandlers = isAmong(port, 'handler', [...new Set(names.map(({ handler }) => handler))])
  const runs = yield* query<RunRow>(
    sql`SELECT batch, handler, base, wanted, done, failed FROM runs
     WHERE ${isAmong(port, 'batch', batches)} AND ${ofHandlers} ORDER BY id ${lock(port)}`,
  )
  const rows = yield* query<JobRow>(
    sql`SELECT event, handler, state, attempt, ended_at AS "endedAt", duration_ms AS "durationMs",
       length(payload) AS bytes FROM jobs
     WHERE ${isAmong(port, 'event', events)} AND ${ofHandlers} ORDER BY event, handler ${lock(port)}`,
  )
  const known = new Map(rows.map((row) => [nameOf(row), row]))
  const renewed = names.flatMap((name) => {
    const job = known.get(nameOf(name))
    return job && mayRenew(job, only) ? [job] : []
  })
  const again = yield* findAgain(port, {
    names: names.filter((name) => !known.has(nameOf(name))),
    runs: runs.toReversed(),
    only,
  })
  yield* renew(port, renewed)
  yield* add(port, again)
  yield* count(port, renewed, again)
  return renewed.length + again.length
}

/** Each once, in the order of events; what is no number names nothing. */
function readNames(jobs: readonly JobName[]): Name[] {
  const names = new Map<string, Name>()
  for (const { event, handler } of jobs) {
    const name = { event: Number(event), handler }
    if (Number.isSafeInteger(name.event) && name.event >= 0) names.set(nameOf(name), name)
  }
  return [...names.values()].sort((one, other) => one.event - other.event)
}

/** A row without bytes stands for damage: there is nothing to run. */
function mayRenew({ state, bytes }: JobRow, only: Only): boolean {
  const isWanted = only === undefined ? state === 'done' || state === 'dead' : state === only
  return isWanted && bytes > 0
}

/** Those without a row whose bytes are there. `runs`: the newest first. */
function* findAgain(
  port: UpkeepPort,
  { names, runs, only }: { names: readonly Name[]; runs: readonly RunRow[]; only: Only },
): Steps<Again[]> {
  const runsOf = groupBy(runs, ({ batch, handler }) => `${batch} ${handler}`)
  const found = names.flatMap((name) => {
    const run = runsOf.get(groupOf(name))?.find((one) => bitOf(one, name.event) !== undefined)
    if (!run) return only ? [] : [{ ...name, wasDone: false }]
    const isWanted = bitOf(run, name.event) === 'done' && (only ?? 'done') === 'done'
    return isWanted ? [{ ...name, wasDone: true }] : []
  })
  if (found.length === 0) return []
  const events = found.map(({ event }) => event)
  const rows = yield* query<{ id: number; verdict: string }>(
    sql`SELECT id, verdict FROM events WHERE ${isAmong(port, 'id', events)}`,
  )
  const verdicts = new Map(rows.map(({ id, verdict }) => [id, verdict]))
  const whole = yield* port.wholeBatches([...new Set(events.map(batchOf))])
  return found.flatMap((name) => {
    const verdict = verdicts.get(name.event)
    return verdict !== undefined && whole.has(batchOf(name.event)) ? [{ ...name, verdict }] : []
  })
}

/** A success goes into the record: its row tells of the newest attempt only. */
function* renew(port: UpkeepPort, rows: readonly JobRow[]): Steps<void> {
  yield* each(
    `UPDATE jobs SET failures = ${withLine('?', port)} WHERE event = ? AND handler = ?`,
    rows.flatMap(({ event, handler, state, attempt, endedAt, durationMs }) => {
      const success = { attempt, outcome: state, endedAt, durationMs }
      return state === 'done' ? [[`${JSON.stringify(success)}\n`, event, handler]] : []
    }),
  )
  yield* each(
    `UPDATE jobs SET state = 'pending', attempt = 0, spared = 0, alone = 0, running = 0,
       due_at = ${port.sqlNow()}, ended_at = NULL, duration_ms = NULL WHERE event = ? AND handler = ?`,
    rows.map(({ event, handler }) => [event, handler]),
  )
}

/** One of a batch and handler becomes a job, several become runs. */
function* add(port: UpkeepPort, again: readonly Again[]): Steps<void> {
  const groups = [...groupBy(again, groupOf).values()]
  yield* each(
    `INSERT INTO jobs (event, handler, state, attempt, due_at, payload)
     SELECT e.id, CAST(? AS text), 'pending', 0, ${port.sqlNow()}, substr(o.body, e.start + 1, e.bytes)
     FROM events e JOIN bodies o ON o.batch = e.id >> 20 WHERE e.id = ?`,
    groups.flatMap(([one, ...others]) =>
      one && others.length === 0 ? [[one.handler, one.event]] : [],
    ),
  )
  yield* port.addRuns(groups.flatMap((group) => (group.length > 1 ? cutRuns(group) : [])))
  const dispatched = again.flatMap(({ event, verdict }) =>
    verdict === 'dispatched' ? [] : [event],
  )
  if (dispatched.length > 0) {
    const among = isAmong(port, 'id', dispatched)
    yield* query(sql`UPDATE events SET verdict = 'dispatched' WHERE ${among}`)
  }
}

/** Each spans fewer positions than a run covers. */
function cutRuns(group: readonly Again[]): WaitingRun[] {
  const runs: { batch: number; handler: string; events: number[] }[] = []
  for (const { event, handler } of group) {
    const events = runs.at(-1)?.events
    if (events && event - (events[0] ?? 0) < RUN_SPAN) events.push(event)
    else runs.push({ batch: batchOf(event), handler, events: [event] })
  }
  return runs
}

/** What is pending again is not done any more, and what is dispatched has no other verdict. */
function* count(
  port: UpkeepPort,
  renewed: readonly JobRow[],
  again: readonly Again[],
): Steps<void> {
  const amounts = new Map<string, number>()
  const take = (name: string) => addTo(amounts, name, -1)
  for (const { state, handler } of renewed) if (state !== 'dead') take(`${state}:${handler}`)
  for (const { wasDone, handler } of again) if (wasDone) take(`done:${handler}`)
  const verdicts = new Map(again.map(({ event, verdict }) => [event, verdict]))
  for (const verdict of verdicts.values()) if (verdict !== 'dispatched') take(verdict)
  yield* port.totals.add(amounts)
}

/** Jobs that have failed and wait for their next attempt are due now. Answers how many. */
export function* hasten(port: UpkeepPort, jobs: readonly JobName[]): Steps<number> {
  const waiting = yield* findJobs(
    port,
    jobs,
    `state = 'pending' AND running = 0 AND attempt > 0 AND due_at > ${port.sqlNow()}`,
  )
  yield* each(
    `UPDATE jobs SET due_at = ${port.sqlNow()} WHERE event = ? AND handler = ?`,
    waiting.map(({ event, handler }) => [event, handler]),
  )
  return waiting.length
}

/** Dead jobs are settled for good, and keep the reason. Answers how many. */
export function* discard(
  port: UpkeepPort,
  jobs: readonly JobName[],
  reason: string,
): Steps<number> {
  const dead = yield* findJobs(port, jobs, `state = 'dead'`)
  const line = `'${DISCARD_LINE}' || ${port.sqlNow()} || CAST(? AS text)`
  yield* each(
    `UPDATE jobs SET state = 'discarded', failures = ${withLine(line, port)}
     WHERE event = ? AND handler = ?`,
    dead.map(({ event, handler }) => [recordDiscard(reason), event, handler]),
  )
  const amounts = new Map<string, number>()
  for (const { handler } of dead) addTo(amounts, `discarded:${handler}`)
  yield* port.totals.add(amounts)
  return dead.length
}

/** Those of the named jobs that have a row for which this holds; nobody else changes them meanwhile. */
function* findJobs(
  port: UpkeepPort,
  jobs: readonly JobName[],
  condition: string,
): Steps<readonly Name[]> {
  const names = readNames(jobs)
  if (names.length === 0) return []
  const ofEvents = isAmong(port, 'event', [...new Set(names.map(({ event }) => event))])
  const ofHandlers = isAmong(port, 'handler', [...new Set(names.map(({ handler }) => handler))])
  const rows = yield* query<Name>(
    sql`SELECT event, handler FROM jobs WHERE ${ofEvents} AND ${ofHandlers} AND ${raw(condition)}
     ORDER BY event, handler ${lock(port)}`,
  )
  const wanted = new Set(names.map(nameOf))
  return rows.filter((row) => wanted.has(nameOf(row)))
}
