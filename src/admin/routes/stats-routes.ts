import type { FastifyInstance } from 'fastify'
import { STATS_JSON, type StatsJson } from '../json/stats-schema.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

const GET_STATS = {
  summary: 'Every figure of the receiver',
  query: NO_PARAMETERS,
  answer: { json: STATS_JSON },
} satisfies RouteDescription

export function addStatsRoute(app: FastifyInstance, readStats: () => Promise<StatsJson>): void {
  app.get('/api/stats', { config: { description: GET_STATS } }, async (request) => {
    readParameters(GET_STATS.query, request.query)
    return readStats()
  })
}
