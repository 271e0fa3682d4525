import * as z from 'zod'
import { HANDLER_NAME, type JobState } from '../../model.ts'
import { type Archive, isInState, type JobName, type JobRow, pagesOf } from '../../store/store.ts'
import { dropUndefined } from '../answer-parts.ts'
import { withoutPeople } from '../audit-trail.ts'
import { isRowId, isSpan, SPAN_PROBLEM, span, text } from '../parameters.ts'
import { failureGroup } from './failures.ts'

const MAX_JOBS = 500
const JOB_NAMES = `must be a list of 1 to ${MAX_JOBS} jobs, each {"event":"<id>","handler":"<name>"}`
const jobName = z.strictObject({
  event: z.string().refine(isRowId),
  handler: z.string().regex(HANDLER_NAME),
})

const jobNames = z
  .unknown()
  .refine((jobs) => z.array(jobName).min(1).max(MAX_JOBS).safeParse(jobs).success, JOB_NAMES)
  .transform((jobs) => jobs as z.output<typeof jobName>[])

const SELECTION = {
  jobs: jobNames.exactOptional(),
  handler: text.exactOptional(),
  event: text.describe('The id of one event.').exactOptional(),
  type: text.describe('Of the event.').exactOptional(),
  ...span,
  error: text.describe('As the failures of a handler are grouped.').exactOptional(),
}

/** Which jobs; several fields narrow each other. Without one, `effect` is what every job would come to. */
export function selectionOf(effect: string) {
  return z
    .object(SELECTION)
    .refine(isSpan, SPAN_PROBLEM)
    .refine((given) => Object.keys(SELECTION).some((name) => name in given), {
      path: ['jobs'],
      error: `must be given, or handler, event, type, error, from or to: without any, every ${effect}`,
    })
}
export type JobSelection = z.output<ReturnType<typeof selectionOf>>

/** For the trail, which is kept for ever: a page can select hundreds at a click. */
export function describeSelection({ jobs, error, ...filter }: JobSelection) {
  return {
    ...filter,
    error: error && withoutPeople(error),
    ...(jobs && {
      selected: jobs.length,
      handlers: nameSome(jobs.map(({ handler }) => handler)),
      events: nameSome(jobs.map(({ event }) => event)),
    }),
  }
}

const MOST_NAMED = 50

function nameSome(names: readonly string[]): string {
  const distinct = [...new Set(names)]
  const more = distinct.length > MOST_NAMED ? ['…'] : []
  return [...distinct.slice(0, MOST_NAMED), ...more].join(',')
}

/** How many of the jobs that were asked for by name, or by their event, are in another state. */
export type Left = Record<JobState | 'unknown', number>

export type WantedState = 'retrying' | 'dead' | 'discarded'

/** The jobs of a selection that are in one of these states, a page at a time; counts others in `left`. */
export async function* findJobs(
  archive: Pick<Archive, 'listJobs' | 'getEvent'>,
  selection: JobSelection,
  states: readonly WantedState[],
  left?: Left,
): AsyncGenerator<readonly JobName[]> {
  const { jobs, event, handler, error } = selection
  const isOfNames = Object.keys(selection).every((name) => name === 'jobs')
  // The store looks at their state by itself when it changes them.
  if (jobs && isOfNames && !left) return yield jobs
  if (jobs || event !== undefined) return yield await sortOut(archive, selection, states, left)
  for (const state of states) {
    const query = { state, ...dropUndefined({ handler }) }
    for await (const { rows } of pagesOf((paging) => archive.listJobs({ ...query, ...paging }))) {
      const found = rows.filter((job) => isMatch(job, selection) && hasError(job, error))
      yield found.map(({ event, handler }) => ({ event, handler }))
    }
  }
}

/** What an event has to be; times of receipt in milliseconds since 1970. */
interface EventFilter {
  readonly state?: string | undefined
  readonly type?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
}

export function isMatch(
  event: Pick<EventFilter, 'state' | 'type'> & { readonly receivedAt?: number | undefined },
  { state, type, from, to }: EventFilter,
): boolean {
  const { receivedAt: at } = event
  return (
    (state === undefined || event.state === state) &&
    (type === undefined || event.type === type) &&
    (from === undefined || (at !== undefined && at >= from)) &&
    (to === undefined || (at !== undefined && at < to))
  )
}

/** Of jobs that are named, or are of one event. */
async function sortOut(
  archive: Pick<Archive, 'getEvent'>,
  { jobs, event, handler, error, type, from, to }: JobSelection,
  states: readonly WantedState[],
  left?: Left,
): Promise<readonly JobName[]> {
  const found: JobName[] = []
  const events = event === undefined ? new Set(jobs?.map((job) => job.event)) : [event]
  for (const id of events) {
    const row = await archive.getEvent(id)
    if (row && !isMatch(row, { type, from, to })) continue
    const known = new Map(row?.jobs.map((job) => [job.handler, job]))
    const named = jobs?.flatMap((job) => (job.event === id ? [job.handler] : []))
    for (const name of new Set(named ?? known.keys())) {
      const job = known.get(name)
      if ((handler ?? name) !== name || (job && !hasError(job, error))) continue
      const isFound = job && states.some((state) => isInState(job, state))
      if (isFound) found.push({ event: id, handler: name })
      else if (left) left[job?.state ?? 'unknown']++
    }
  }
  return found
}

const hasError = ({ lastError }: JobRow, error: string | undefined): boolean =>
  error === undefined || failureGroup(lastError) === error
