import type { FastifyInstance } from 'fastify'
import { NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

/** The figures for Prometheus, as text. */
export interface MetricsSource {
  readonly contentType: string
  read(): Promise<string>
}

export function addMetricsRoute(app: FastifyInstance, { contentType, read }: MetricsSource): void {
  app.get('/metrics', async (request, reply) => {
    readParameters(NO_PARAMETERS, request.query)
    return reply.type(contentType).send(await read())
  })
}
