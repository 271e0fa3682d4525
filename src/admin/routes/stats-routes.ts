import type { FastifyInstance } from 'fastify'
import { PROCESS_JSON, STATS_JSON } from '../json/stats-schema.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import type { StatsReader } from '../read-stats.ts'

const GET_STATS = {
  summary: 'Every figure of the receiver',
  query: NO_PARAMETERS,
  answer: { json: STATS_JSON },
} satisfies RouteDescription

const GET_PROCESS = {
  summary: 'What this process knows by itself, also while the store is away',
  query: NO_PARAMETERS,
  answer: { json: PROCESS_JSON },
} satisfies RouteDescription

export function addStatsRoutes(app: FastifyInstance, stats: StatsReader): void {
  app.get('/api/stats', { config: { description: GET_STATS } }, async (request) => {
    readParameters(GET_STATS.query, request.query)
    return stats.readAll()
  })
  app.get('/api/process', { config: { description: GET_PROCESS } }, async (request) => {
    readParameters(GET_PROCESS.query, request.query)
    return stats.readProcess()
  })
}
