import * as z from 'zod'
import type { Observer } from '../../observe/observer.ts'
import type { Archive, JobName, JobRow, Store } from '../../store/store.ts'
import { answerLongWork, LONG_WORK, type WorkProgress } from '../answer-long-work.ts'
import { dropUndefined } from '../answer-parts.ts'
import { type AuditTrail, withoutPeople } from '../audit-trail.ts'
import { type AdminApp, answersInTheEnd } from '../openapi.ts'
import { isSpan, SPAN_PROBLEM, text } from '../parameters.ts'
import { findEvent } from './events.ts'
import { failureGroup } from './failures.ts'
import { isMatch, JOB_SELECTION, keepMatching, SELECTION_NAMES } from './job-selection.ts'
import { describeSelection, MAX_JOBS } from './jobs.ts'
import { refuseUnknownHandler } from './replay.ts'

const MAX_REASON_LENGTH = 300

const reason = z
  .string({ error: 'must say in a text why nobody needs these jobs' })
  .trim()
  .min(1, 'must say why nobody needs these jobs')
  .max(MAX_REASON_LENGTH, `must be at most ${MAX_REASON_LENGTH} characters long`)
  .refine((given) => !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(given), {
    error: 'must be one line of text without control characters',
  })
  .describe('Why; kept with each job. The trail keeps it for ever, without addresses.')

const DISCARD_PARAMETERS = z
  .object({
    reason,
    ...JOB_SELECTION,
    error: text.describe('As the failures of a handler are grouped.').exactOptional(),
  })
  .refine(isSpan, SPAN_PROBLEM)
  .refine((given) => Object.keys(given).some((name) => name !== 'reason'), {
    path: ['jobs'],
    error: `must be given, or error, ${SELECTION_NAMES}: without any, every dead job would be discarded`,
  })
  .meta({ example: { handler: 'crm', reason: 'The list was given up.' } })
type DiscardRequest = Omit<z.output<typeof DISCARD_PARAMETERS>, 'reason'>

const LEFT_JSON = z.object({
  pending: z.int(),
  done: z.int(),
  discarded: z.int().describe('Before already.'),
  unknown: z.int().describe('There is no such job.'),
})
const DISCARDED_JSON = z.object({
  discarded: z.int(),
  left: LEFT_JSON.describe(
    'Of jobs that were named, or are of the event that was: those that are not dead, and stay as they are.',
  ),
})
export type DiscardedJson = z.output<typeof DISCARDED_JSON>
type Left = DiscardedJson['left']

const DISCARD_JOBS = {
  summary: 'Settles dead jobs for good, with a reason: a selection, or all that match',
  body: DISCARD_PARAMETERS,
  response: answersInTheEnd(DISCARDED_JSON),
  errors: { 404: 'No event has the id that was given.' },
}

interface DiscardRouteOptions {
  readonly archive: Pick<Archive, 'listJobs' | 'getEvent'> & Pick<Store, 'discard' | 'loadHandlers'>
  readonly observer: Pick<Observer, 'adminFailed' | 'discarded'>
  readonly audited: AuditTrail
}

export function addDiscardRoute(
  app: AdminApp,
  { archive, observer, audited }: DiscardRouteOptions,
): void {
  app.post('/api/jobs/discard', { ...LONG_WORK, schema: DISCARD_JOBS }, async (request, reply) => {
    const { body, ip: address } = request
    const { reason, ...selection } = body
    const { jobs, error, ...filter } = selection
    // A handler that is loaded no more may have left dead jobs behind: the store knows it still.
    refuseUnknownHandler(filter.handler, await archive.loadHandlers())
    if (filter.event !== undefined) await findEvent(archive, filter.event)
    const chosen = {
      ...filter,
      error: error && withoutPeople(error),
      ...(jobs && describeSelection(jobs)),
    }
    const parameters = { reason: withoutPeople(reason), ...chosen }
    return await answerLongWork({ request, reply, observer }, async (onProgress) => {
      const answer = await audited(
        { action: 'discard', address, parameters },
        () => discardAll(findDead(archive, selection), { archive, reason, onProgress }),
        ({ discarded }) => ({ jobs: discarded }),
      )
      observer.discarded({ address, filter, jobs: answer.discarded })
      return answer
    })
  })
}

/** Dead jobs, and how many of those that were asked for by name are not. */
interface Found {
  readonly dead: readonly JobName[]
  readonly left?: Left
}

async function discardAll(
  pages: AsyncIterable<Found>,
  how: {
    readonly archive: Pick<Store, 'discard'>
    readonly reason: string
    readonly onProgress: (progress: WorkProgress) => void
  },
): Promise<DiscardedJson> {
  let discarded = 0
  let left: Left = { pending: 0, done: 0, discarded: 0, unknown: 0 }
  for await (const found of pages) {
    if (found.dead.length > 0) discarded += await how.archive.discard(found.dead, how.reason)
    left = found.left ?? left
    how.onProgress({ done: discarded, unit: 'jobs' })
  }
  return { discarded, left }
}

/** A page at a time. */
async function* findDead(
  archive: DiscardRouteOptions['archive'],
  request: DiscardRequest,
): AsyncGenerator<Found> {
  const { jobs, event, handler, error } = request
  if (jobs || event !== undefined) {
    yield await sortOut(archive, request)
    return
  }
  let cursor: string | undefined
  do {
    const paging = { limit: MAX_JOBS, ...dropUndefined({ handler, cursor }) }
    const page = await archive.listJobs({ state: 'dead', ...paging })
    const ofError = page.rows.filter((job) => hasError(job, error))
    yield { dead: await keepMatching(archive, ofError, request) }
    cursor = page.cursor
  } while (cursor !== undefined)
}

/** Of jobs that are named, or are of one event. */
async function sortOut(
  archive: Pick<Archive, 'getEvent'>,
  { jobs, event, handler, error, ...ofEvent }: DiscardRequest,
): Promise<Found> {
  const dead: JobName[] = []
  const left: Left = { pending: 0, done: 0, discarded: 0, unknown: 0 }
  const events = event === undefined ? new Set(jobs?.map((job) => job.event)) : [event]
  for (const id of events) {
    const row = await archive.getEvent(id)
    if (row && !isMatch(row, ofEvent)) continue
    const known = new Map(row?.jobs.map((job) => [job.handler, job]))
    const named = jobs?.flatMap((job) => (job.event === id ? [job.handler] : []))
    for (const name of new Set(named ?? known.keys())) {
      const job = known.get(name)
      if ((handler ?? name) !== name || (job && !hasError(job, error))) continue
      if (job?.state === 'dead') dead.push(job)
      else left[job?.state ?? 'unknown']++
    }
  }
  return { dead, left }
}

const hasError = ({ lastError }: JobRow, error: string | undefined): boolean =>
  error === undefined || failureGroup(lastError) === error
