import { isAmong } from '../archive/port.ts'
import { DISCARD_LINE, recordDiscard, withLine } from '../job-record.ts'
import type { JobName } from '../store.ts'
import { each, lock, query, type Steps, type UpkeepPort } from './port.ts'
import { type Name, nameOf, readNames } from './replay.ts'

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
  for (const { handler } of dead) {
    const name = `discarded:${handler}`
    amounts.set(name, (amounts.get(name) ?? 0) + 1)
  }
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
    `SELECT event, handler FROM jobs WHERE ${ofEvents.sql} AND ${ofHandlers.sql} AND ${condition}
     ORDER BY event, handler${lock(port)}`,
    [...ofEvents.values, ...ofHandlers.values],
  )
  const wanted = new Set(names.map(nameOf))
  return rows.filter((row) => wanted.has(nameOf(row)))
}
