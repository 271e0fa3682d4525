import { isAmong, type Steps } from '../steps.ts'
import { isInState, type JobQuery, type JobRow, type ListedJob, type Page } from '../store.ts'
import { createCandidates, searchEvents } from './candidates.ts'
import { selectEvents } from './event-rows.ts'
import type { Reading } from './port.ts'
import { readJobs } from './read-jobs.ts'

/** Events of which the jobs are read together, at least. */
const FEWEST_AT_ONCE = 50

/** No handler's name comes before this one. */
const FIRST_NAME = '-'

/** Finds jobs, those of the newest events first; for a bounded time. */
export function* listJobs(reading: Reading, request: JobQuery): Steps<Page<ListedJob>> {
  const { limit = 50, cursor, handler, state } = request
  // No name holds a NUL, and PostgreSQL takes none.
  if (handler?.includes('\0')) return { rows: [], cursor: undefined }
  const [event, name] = readCursor(cursor)
  const find = yield* createCandidates(reading, { state, handler })
  const isWanted = (job: JobRow) =>
    (handler === undefined || job.handler === handler) &&
    (state === undefined || isInState(job, state)) &&
    (Number(job.event) < event || job.handler < name)

  const { rows, ...page } = yield* searchEvents<JobRow>(reading, {
    before: event + 1,
    limit,
    *look(window, left) {
      const { ids, reached } = yield* find(window, Math.max(left, FEWEST_AT_ONCE))
      const jobs = yield* readJobs(reading, ids)
      const found = ids.flatMap((id) => (jobs.get(id) ?? []).filter(isWanted).reverse())
      return { rows: found.slice(0, left), reached }
    },
    cursorOf: (job) => `${job.event}.${job.handler}`,
    cursorBefore: (reached) => `${reached}.${FIRST_NAME}`,
  })
  return { rows: yield* addEvents(reading, rows), ...page }
}

/** With what people know an event by. */
function* addEvents(reading: Reading, jobs: readonly JobRow[]): Steps<ListedJob[]> {
  const ids = [...new Set(jobs.map(({ event }) => Number(event)))]
  if (ids.length === 0) return []
  const rows = yield* selectEvents([isAmong(reading, 'e.id', ids)], ids.length)
  const events = new Map(rows.map((row) => [String(row.id), row]))
  return jobs.map((job) => {
    const { type, recipient, received_at: receivedAt } = events.get(job.event) ?? {}
    return { ...job, type, recipient: recipient ?? undefined, receivedAt }
  })
}

/** A page of jobs begins behind this one; without a cursor, behind a job newer than all. */
function readCursor(cursor: string | undefined): [event: number, handler: string] {
  if (cursor === undefined) return [Number.MAX_SAFE_INTEGER - 1, '']
  const dot = cursor.indexOf('.')
  return [Number(cursor.slice(0, dot)), cursor.slice(dot + 1)]
}
