import type { FastifyInstance } from 'fastify'

export interface Readiness {
  readonly ready: boolean
  /** What was checked, and how it is. */
  readonly checks: Readonly<Record<string, string>>
}

/** `GET /healthz`: the process lives. `GET /readyz`: it may be sent requests. */
export function addHealthRoutes(app: FastifyInstance, readiness: () => Readiness): void {
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    const { ready, checks } = readiness()
    return reply.code(ready ? 200 : 503).send({ ready, checks })
  })
}
