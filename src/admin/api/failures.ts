import * as z from 'zod'
import { type Archive, type JobQuery, type JobRow, pagesOf } from '../../store/store.ts'
import { isoTime, TIME_JSON } from '../answer-parts.ts'
import { errorLine } from './in-words.ts'

export const FAILURES_JSON = z.object({
  failures: z.array(
    z.object({
      error: z.string().describe('What the errors have in common.'),
      dead: z.number(),
      retrying: z.number(),
      newest_at: TIME_JSON,
      event: z.string().describe('The id of an event whose job failed so.'),
    }),
  ),
  examined: z.number(),
  is_partial: z
    .boolean()
    .describe('There are more failed jobs than were looked at: the newest ones.'),
})
export type FailuresJson = z.output<typeof FAILURES_JSON>

/** Of each state: enough to see what is wrong; counting millions by their errors is not the aim. */
const PAGES = 4

type FailureGroup = FailuresJson['failures'][number]

/** The failures of one handler by what they have in common, of its newest jobs; most jobs first. */
export async function groupFailures(
  archive: Pick<Archive, 'listJobs'>,
  handler: string,
): Promise<FailuresJson> {
  const retrying = await readNewest(archive, { handler, state: 'retrying' })
  const dead = await readNewest(archive, { handler, state: 'dead' })
  // One that is tried again after a replay, or runs for the first time, has not failed.
  const jobs = [...retrying.jobs.filter(({ lastError }) => lastError !== undefined), ...dead.jobs]
  const groups = new Map<string, FailureGroup>()
  for (const job of jobs) addTo(groups, job)
  const failures = [...groups.values()].sort(
    (a, b) => b.dead + b.retrying - (a.dead + a.retrying) || (a.error < b.error ? -1 : 1),
  )
  const isPartial = retrying.isPartial || dead.isPartial
  return { failures, examined: jobs.length, is_partial: isPartial }
}

async function readNewest(
  archive: Pick<Archive, 'listJobs'>,
  query: Pick<JobQuery, 'handler' | 'state'>,
): Promise<{ jobs: readonly JobRow[]; isPartial: boolean }> {
  const jobs: JobRow[] = []
  let looks = 0
  for await (const { rows, cursor } of pagesOf((paging) =>
    archive.listJobs({ ...query, ...paging }),
  )) {
    jobs.push(...rows)
    if (++looks === PAGES) return { jobs, isPartial: cursor !== undefined }
  }
  return { jobs, isPartial: false }
}

function addTo(groups: Map<string, FailureGroup>, job: JobRow): void {
  const error = failureGroup(job.lastError)
  const first = { error, dead: 0, retrying: 0, newest_at: null, event: job.event }
  const group: FailureGroup = groups.get(error) ?? first
  groups.set(error, group)
  if (job.state === 'dead') group.dead++
  else group.retrying++
  const at = isoTime(job.attempts.at(-1)?.endedAt)
  if (at !== null && at > (group.newest_at ?? '')) group.newest_at = at
}

const LONGEST = 200

/**
 * What failures have in common: the error on one line, without what differs from one to the next. Addresses go first, because they hold digits and may be anybody's.
 */
export function failureGroup(error: string | undefined): string {
  const common = errorLine((error ?? '').trim())
    .slice(0, 4 * LONGEST)
    .replace(/[^\s<>"'(),;:=]{1,128}@[^\s<>"'(),;:=]{1,255}/g, '…@…')
    .replace(/\b(?=[\da-f-]*\d)[\da-f]{8,}(?:-[\da-f]{4,}){0,8}\b/gi, '#')
    .replace(/\d+/g, '#')
  return common.slice(0, LONGEST) || '(no error text)'
}
