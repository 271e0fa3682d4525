import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Archive } from '../../store/store.ts'
import { JOB_JSON, jobJson } from '../json/job-json.ts'
import { PAGE_JSON, pageJson } from '../json/page-json.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { JOB_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

const LIST_JOBS = {
  summary: 'Jobs with their attempts, newest event first',
  query: JOB_PARAMETERS,
  answer: { json: z.object({ jobs: z.array(JOB_JSON), ...PAGE_JSON }) },
} satisfies RouteDescription

export function addJobRoutes(app: FastifyInstance, archive: Pick<Archive, 'listJobs'>): void {
  app.get('/api/jobs', { config: { description: LIST_JOBS } }, async (request) => {
    const { rows, ...page } = await archive.listJobs(readParameters(LIST_JOBS.query, request.query))
    return { jobs: rows.map(jobJson), ...pageJson(page) }
  })
}
