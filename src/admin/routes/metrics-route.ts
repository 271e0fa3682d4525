import type { FastifyInstance } from 'fastify'
import type { RouteDescription } from '../openapi/route-description.ts'
import { NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

/** The figures for Prometheus, as text. */
export interface MetricsSource {
  readonly contentType: string
  read(): Promise<string>
}

const GET_METRICS = {
  summary: 'Figures for Prometheus',
  query: NO_PARAMETERS,
  answer: { mediaType: 'text/plain' },
} satisfies RouteDescription

export function addMetricsRoute(app: FastifyInstance, { contentType, read }: MetricsSource): void {
  app.get('/metrics', { config: { description: GET_METRICS } }, async (request, reply) => {
    readParameters(GET_METRICS.query, request.query)
    return reply.type(contentType).send(await read())
  })
}
