import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Observer } from '../../observe/observer.ts'
import { answerLongWork, LONG_WORK } from '../answer-long-work.ts'
import type { AuditTrail } from '../audit-trail.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

export interface PruneRouteOptions {
  readonly work: {
    /** Forgets by age, now; answers how many rows. */
    prune(onProgress: (rows: number) => void): Promise<number>
  }
  readonly audited: AuditTrail
  readonly observer: Pick<Observer, 'adminFailed' | 'pruned'>
}

const PRUNE = {
  summary: 'Forgets what is older than the settings say, now; may take long',
  query: NO_PARAMETERS,
  answer: { json: z.object({ pruned: z.number().describe('Rows.') }), isLong: true },
} satisfies RouteDescription

export function addPruneRoute(app: FastifyInstance, options: PruneRouteOptions): void {
  const { work, audited, observer } = options

  app.post(
    '/api/prune',
    { ...LONG_WORK, config: { description: PRUNE } },
    async (request, reply) => {
      readParameters(PRUNE.query, request.query)
      readParameters(NO_PARAMETERS, request.body ?? {})
      return await answerLongWork({ request, reply, observer }, async (onProgress) => {
        const pruned = await audited(
          { action: 'prune', address: request.ip, parameters: {} },
          () => work.prune((done) => onProgress({ done, unit: 'rows' })),
          (rows) => ({ rows }),
        )
        observer.pruned({ rows: pruned })
        return { pruned }
      })
    },
  )
}
