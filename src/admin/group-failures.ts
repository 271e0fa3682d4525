import type { Archive, JobRow } from '../store/store.ts'
import { dropUndefined } from './drop-undefined.ts'
import { failureGroup } from './failure-group.ts'

const PAGE = 500
/** Enough to see what is wrong; counting millions of dead jobs by their errors is not the aim. */
const DEAD_PAGES = 4

export interface FailureGroup {
  readonly error: string
  dead: number
  retrying: number
  /** Milliseconds since 1970; undefined when no time was recorded. */
  newestAt: number | undefined
  /** An event whose job failed so. */
  readonly event: string
}

export interface GroupedFailures {
  /** The error with the most jobs first. */
  readonly groups: readonly FailureGroup[]
  readonly examined: number
  /** There are more failed jobs than were looked at: the newest ones. */
  readonly isPartial: boolean
}

/** The failures of one handler by what they have in common, of its newest jobs. */
export async function groupFailures(
  archive: Pick<Archive, 'listJobs'>,
  handler: string,
): Promise<GroupedFailures> {
  const groups = new Map<string, FailureGroup>()
  const waiting = await archive.listJobs({ handler, state: 'pending', limit: PAGE })
  const jobs = waiting.rows.filter(({ lastError }) => lastError !== undefined)
  let cursor: string | undefined
  for (let page = 0; page < DEAD_PAGES; page++) {
    const dead = await archive.listJobs({
      handler,
      state: 'dead',
      limit: PAGE,
      ...dropUndefined({ cursor }),
    })
    jobs.push(...dead.rows)
    cursor = dead.cursor
    if (cursor === undefined) break
  }
  for (const job of jobs) addTo(groups, job)
  const sorted = [...groups.values()].sort(
    (a, b) => b.dead + b.retrying - (a.dead + a.retrying) || (a.error < b.error ? -1 : 1),
  )
  const isPartial = cursor !== undefined || waiting.cursor !== undefined
  return { groups: sorted, examined: jobs.length, isPartial }
}

function addTo(groups: Map<string, FailureGroup>, job: JobRow): void {
  const error = failureGroup(job.lastError)
  const first = { error, dead: 0, retrying: 0, newestAt: undefined, event: job.event }
  const group = groups.get(error) ?? first
  groups.set(error, group)
  if (job.state === 'dead') group.dead++
  else group.retrying++
  const at = job.attempts.at(-1)?.endedAt
  if (at !== undefined) group.newestAt = Math.max(group.newestAt ?? 0, at)
}
