import type { FastifyInstance } from 'fastify'
import type { Archive } from '../../store/store.ts'
import { jobJson } from '../json/job-json.ts'
import { JOB_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

export function addJobRoutes(app: FastifyInstance, archive: Pick<Archive, 'listJobs'>): void {
  app.get('/api/jobs', async (request) => {
    const { rows, cursor } = await archive.listJobs(readParameters(JOB_PARAMETERS, request.query))
    return { jobs: rows.map(jobJson), cursor: cursor ?? null }
  })
}
