import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Observer } from '../../observe/observer.ts'
import type { Archive, JobName, Store } from '../../store/store.ts'
import type { AuditTrail } from '../audit-trail.ts'
import { JOB_JSON, jobJson } from '../json/job-json.ts'
import { PAGE_JSON, pageJson } from '../json/page-json.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import {
  JOB_PARAMETERS,
  NO_PARAMETERS,
  REPLAY_JOBS_PARAMETERS,
} from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

const LIST_JOBS = {
  summary: 'Jobs with their attempts, newest event first',
  query: JOB_PARAMETERS,
  answer: { json: z.object({ jobs: z.array(JOB_JSON), ...PAGE_JSON }) },
} satisfies RouteDescription

const REPLAY_JOBS = {
  summary: 'Makes a selection of dead jobs pending again',
  query: NO_PARAMETERS,
  body: REPLAY_JOBS_PARAMETERS,
  answer: { json: z.object({ replayed: z.int() }) },
} satisfies RouteDescription

export interface JobRoutesOptions {
  readonly archive: Pick<Archive, 'listJobs'> & Pick<Store, 'replay'>
  readonly observer: Pick<Observer, 'replayed'>
  readonly audited: AuditTrail
}

export function addJobRoutes(
  app: FastifyInstance,
  { archive, observer, audited }: JobRoutesOptions,
): void {
  app.get('/api/jobs', { config: { description: LIST_JOBS } }, async (request) => {
    const { rows, ...page } = await archive.listJobs(readParameters(LIST_JOBS.query, request.query))
    return { jobs: rows.map(jobJson), ...pageJson(page) }
  })

  app.post('/api/jobs/replay', { config: { description: REPLAY_JOBS } }, async (request) => {
    readParameters(REPLAY_JOBS.query, request.query)
    const { jobs } = readParameters(REPLAY_JOBS.body, request.body)
    const replayed = await audited(
      { action: 'replay', address: request.ip, parameters: describeSelection(jobs) },
      () => archive.replay(jobs, 'dead'),
      (replayed) => ({ jobs: replayed }),
    )
    observer.replayed({ address: request.ip, filter: { state: 'dead' }, jobs: replayed })
    return { replayed }
  })
}

function describeSelection(jobs: readonly JobName[]) {
  return {
    selected: jobs.length,
    handlers: nameSome(jobs.map(({ handler }) => handler)),
    events: nameSome(jobs.map(({ event }) => event)),
  }
}

/** A page can select hundreds at a click; the trail is kept for ever. */
const MOST_NAMED = 50

function nameSome(names: readonly string[]): string {
  const distinct = [...new Set(names)]
  const more = distinct.length > MOST_NAMED ? ['…'] : []
  return [...distinct.slice(0, MOST_NAMED), ...more].join(',')
}
