import type { Archive, EventRow, JobName } from '../../store/store.ts'
import { dropUndefined } from '../answer-parts.ts'
import { span, text } from '../parameters.ts'
import { jobNames } from './jobs.ts'

/** Which jobs; several fields narrow each other, and one at least has to be there. */
export const JOB_SELECTION = {
  jobs: jobNames.exactOptional(),
  handler: text.exactOptional(),
  event: text.describe('The id of one event.').exactOptional(),
  type: text.describe('Of the event.').exactOptional(),
  ...span,
}

export const SELECTION_NAMES = 'handler, event, type, from or to'

/** What an event has to be; times of receipt in milliseconds since 1970. */
interface EventFilter {
  readonly state?: string | undefined
  readonly type?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
}

export function isMatch(event: EventRow, { state, type, from, to }: EventFilter): boolean {
  return (
    (state === undefined || event.state === state) &&
    (type === undefined || event.type === type) &&
    (from === undefined || event.receivedAt >= from) &&
    (to === undefined || event.receivedAt < to)
  )
}

/** Of the jobs those whose events are of the type, and were received within the time. */
export async function keepMatching(
  archive: Pick<Archive, 'getEvent'>,
  jobs: readonly JobName[],
  { type, from, to }: Omit<EventFilter, 'state'>,
): Promise<readonly JobName[]> {
  const filter = dropUndefined({ type, from, to })
  if (Object.keys(filter).length === 0) return jobs
  const kept: JobName[] = []
  for (const job of jobs) {
    const row = await archive.getEvent(job.event)
    if (row && isMatch(row, filter)) kept.push(job)
  }
  return kept
}
