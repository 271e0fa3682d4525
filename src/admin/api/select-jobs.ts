import type { JobState } from '../../model.ts'
import { type Archive, isInState, type JobName, type JobRow } from '../../store/store.ts'
import { dropUndefined, pagesOf } from '../answer-parts.ts'
import { span, text } from '../parameters.ts'
import { failureGroup } from './failures.ts'
import { jobNames } from './jobs.ts'

/** Which jobs; several fields narrow each other, and one at least has to be there. */
export const JOB_SELECTION = {
  jobs: jobNames.exactOptional(),
  handler: text.exactOptional(),
  event: text.describe('The id of one event.').exactOptional(),
  type: text.describe('Of the event.').exactOptional(),
  ...span,
  error: text.describe('As the failures of a handler are grouped.').exactOptional(),
}

export const SELECTION_NAMES = 'handler, event, type, error, from or to'

/** What an event has to be; times of receipt in milliseconds since 1970. */
interface EventFilter {
  readonly state?: string | undefined
  readonly type?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
}

export interface JobSelection extends Omit<EventFilter, 'state'> {
  readonly jobs?: readonly JobName[] | undefined
  readonly handler?: string | undefined
  readonly event?: string | undefined
  readonly error?: string | undefined
}

/** How many of the jobs that were asked for by name, or by their event, are in another state. */
export type Left = Record<JobState | 'unknown', number>

export interface FoundJobs {
  readonly jobs: readonly JobName[]
  readonly left?: Left
}

type WantedState = 'retrying' | 'dead' | 'discarded'

/** The jobs of a selection that are in this state, a page at a time. */
export async function* findJobs(
  archive: Pick<Archive, 'listJobs' | 'getEvent'>,
  selection: JobSelection,
  state: WantedState,
): AsyncGenerator<FoundJobs> {
  const { jobs, event, handler, error } = selection
  if (jobs || event !== undefined) {
    yield await sortOut(archive, selection, state)
    return
  }
  const query = { state, ...dropUndefined({ handler }) }
  for await (const { rows } of pagesOf((paging) => archive.listJobs({ ...query, ...paging }))) {
    const found = rows.filter((job) => isMatch(job, selection) && hasError(job, error))
    yield { jobs: found.map(({ event, handler }) => ({ event, handler })) }
  }
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
  state: WantedState,
): Promise<FoundJobs> {
  const found: JobName[] = []
  const left: Left = { pending: 0, done: 0, dead: 0, discarded: 0, unknown: 0 }
  const events = event === undefined ? new Set(jobs?.map((job) => job.event)) : [event]
  for (const id of events) {
    const row = await archive.getEvent(id)
    if (row && !isMatch(row, { type, from, to })) continue
    const known = new Map(row?.jobs.map((job) => [job.handler, job]))
    const named = jobs?.flatMap((job) => (job.event === id ? [job.handler] : []))
    for (const name of new Set(named ?? known.keys())) {
      const job = known.get(name)
      if ((handler ?? name) !== name || (job && !hasError(job, error))) continue
      if (job && isInState(job, state)) found.push({ event: id, handler: name })
      else left[job?.state ?? 'unknown']++
    }
  }
  return { jobs: found, left }
}

const hasError = ({ lastError }: JobRow, error: string | undefined): boolean =>
  error === undefined || failureGroup(lastError) === error
