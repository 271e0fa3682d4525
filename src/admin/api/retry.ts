import * as z from 'zod'
import type { Observer } from '../../observe/observer.ts'
import type { Archive, JobName, Store } from '../../store/store.ts'
import { answerLongWork, LONG_WORK, type WorkProgress } from '../answer-long-work.ts'
import { dropUndefined } from '../answer-parts.ts'
import type { AuditTrail } from '../audit-trail.ts'
import { type AdminApp, answersInTheEnd } from '../openapi.ts'
import { isSpan, SPAN_PROBLEM } from '../parameters.ts'
import { findEvent } from './events.ts'
import { isMatch, JOB_SELECTION, keepMatching, SELECTION_NAMES } from './job-selection.ts'
import { describeSelection, MAX_JOBS } from './jobs.ts'
import { refuseUnknownHandler } from './replay.ts'

/** Which jobs that wait are due now. */
const RETRY_PARAMETERS = z
  .object({
    ...JOB_SELECTION,
  })
  .refine(isSpan, SPAN_PROBLEM)
  .refine((given) => Object.keys(given).length > 0, {
    path: ['jobs'],
    error: `must be given, or ${SELECTION_NAMES}: without any, every job would run now`,
  })
  .meta({ example: { handler: 'crm' } })
type RetryRequest = z.output<typeof RETRY_PARAMETERS>

const RETRY_JOBS = {
  summary: 'Runs jobs now that wait for their next attempt: a selection, or all that match',
  body: RETRY_PARAMETERS,
  response: answersInTheEnd(z.object({ retried: z.int() })),
}

interface RetryRouteOptions {
  readonly archive: Pick<Archive, 'listJobs' | 'listEvents' | 'getEvent'> &
    Pick<Store, 'hasten' | 'loadHandlers'>
  readonly observer: Pick<Observer, 'adminFailed' | 'replayed'>
  readonly audited: AuditTrail
}

export function addRetryRoute(
  app: AdminApp,
  { archive, observer, audited }: RetryRouteOptions,
): void {
  app.post('/api/jobs/retry', { ...LONG_WORK, schema: RETRY_JOBS }, async (request, reply) => {
    const { body, ip: address } = request
    const { jobs, ...filter } = body
    const seen = await archive.loadHandlers()
    refuseUnknownHandler(filter.handler, seen)
    if (filter.event !== undefined) await findEvent(archive, filter.event)
    const parameters = { ...filter, ...(jobs && describeSelection(jobs)) }
    return await answerLongWork({ request, reply, observer }, async (onProgress) => {
      const retried = await audited(
        { action: 'retry', address, parameters },
        () => hastenAll(findWaiting(archive, body), { archive, onProgress }),
        (retried) => ({ jobs: retried }),
      )
      observer.replayed({ address, filter: { ...filter, state: 'pending' }, jobs: retried })
      return { retried }
    })
  })
}

async function hastenAll(
  pages: AsyncIterable<readonly JobName[]>,
  how: Pick<RetryRouteOptions, 'archive'> & { onProgress: (progress: WorkProgress) => void },
): Promise<number> {
  let retried = 0
  for await (const jobs of pages) {
    if (jobs.length > 0) retried += await how.archive.hasten(jobs)
    how.onProgress({ done: retried, unit: 'jobs' })
  }
  return retried
}

/** Jobs that may wait for an attempt, a page at a time; of others nothing becomes due. */
async function* findWaiting(
  archive: RetryRouteOptions['archive'],
  { jobs, ...filter }: RetryRequest,
): AsyncGenerator<readonly JobName[]> {
  const { handler, event, type, from, to } = filter
  const isByEvent = [event, type, from, to].some((value) => value !== undefined)
  if (jobs) yield await narrow(archive, jobs, filter)
  else if (!isByEvent) yield* findOfHandler(archive, handler)
  else {
    const all = (await archive.loadHandlers()).map(({ name }) => name)
    const names = handler === undefined ? all : [handler]
    for await (const ids of findPending(archive, filter)) {
      yield ids.flatMap((id) => names.map((name) => ({ event: id, handler: name })))
    }
  }
}

async function narrow(
  archive: RetryRouteOptions['archive'],
  jobs: readonly JobName[],
  { handler, event, type, from, to }: RetryRequest,
): Promise<readonly JobName[]> {
  const named = jobs.filter(
    (job) =>
      (handler === undefined || job.handler === handler) &&
      (event === undefined || job.event === event),
  )
  return await keepMatching(archive, named, { type, from, to })
}

async function* findOfHandler(
  archive: RetryRouteOptions['archive'],
  handler: string | undefined,
): AsyncGenerator<readonly JobName[]> {
  let cursor: string | undefined
  do {
    const paging = { limit: MAX_JOBS, ...dropUndefined({ handler, cursor }) }
    const page = await archive.listJobs({ state: 'pending', ...paging })
    yield page.rows.filter(({ attempt }) => attempt > 0)
    cursor = page.cursor
  } while (cursor !== undefined)
}

/** The ids of matching events of which something is pending. */
async function* findPending(
  archive: RetryRouteOptions['archive'],
  { event, type, from, to }: RetryRequest,
): AsyncGenerator<readonly string[]> {
  if (event !== undefined) {
    const row = await findEvent(archive, event)
    if (isMatch(row, dropUndefined({ type, from, to }))) yield [row.id]
    return
  }
  let cursor: string | undefined
  do {
    const filter = dropUndefined({ type, from, to, cursor })
    const page = await archive.listEvents({ ...filter, state: 'pending', limit: MAX_JOBS })
    yield page.rows.map(({ id }) => id)
    cursor = page.cursor
  } while (cursor !== undefined)
}
