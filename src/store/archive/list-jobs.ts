import { isInState, type JobQuery, type JobRow, type ListedJob, type Page } from '../store.ts'
import { createCandidates, searchEvents } from './candidates.ts'
import { selectEvents } from './event-rows.ts'
import { isAmong, type Reading } from './port.ts'
import { readJobs } from './read-jobs.ts'

/** Events of which the jobs are read together, at least. */
const FEWEST_AT_ONCE = 50

/** No handler's name comes before this one. */
const FIRST_NAME = '-'

/** Finds jobs, those of the newest events first; for a bounded time. */
export async function listJobs(reading: Reading, request: JobQuery): Promise<Page<ListedJob>> {
  const { limit = 50, cursor, handler, state } = request
  // No name holds a NUL, and PostgreSQL takes none.
  if (handler?.includes('\0')) return { rows: [], cursor: undefined }
  const [event, name] = readCursor(cursor)
  const find = await createCandidates(reading, { state, handler })
  const isWanted = (job: JobRow) =>
    (handler === undefined || job.handler === handler) &&
    (state === undefined || isInState(job, state)) &&
    (Number(job.event) < event || job.handler < name)

  const { rows, ...page } = await searchEvents<JobRow>(reading, {
    before: event + 1,
    limit,
    async look(window, left) {
      const { ids, reached } = await find(window, Math.max(left, FEWEST_AT_ONCE))
      const jobs = await readJobs(reading, ids)
      const found = ids.flatMap((id) => (jobs.get(id) ?? []).filter(isWanted).reverse())
      return { rows: found.slice(0, left), reached }
    },
    cursorOf: (job) => `${job.event}.${job.handler}`,
    cursorBefore: (reached) => `${reached}.${FIRST_NAME}`,
  })
  return { rows: await addEvents(reading, rows), ...page }
}

/** With what people know an event by. */
async function addEvents(reading: Reading, jobs: readonly JobRow[]): Promise<ListedJob[]> {
  const ids = [...new Set(jobs.map(({ event }) => Number(event)))]
  if (ids.length === 0) return []
  const rows = await selectEvents(reading, [isAmong(reading, 'e.id', ids)], ids.length)
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
