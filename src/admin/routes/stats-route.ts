import type { FastifyInstance } from 'fastify'
import type { StatsJson } from '../json/stats-json.ts'
import { NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

export function addStatsRoute(app: FastifyInstance, readStats: () => Promise<StatsJson>): void {
  app.get('/api/stats', async (request) => {
    readParameters(NO_PARAMETERS, request.query)
    return readStats()
  })
}
