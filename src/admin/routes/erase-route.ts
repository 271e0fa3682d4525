import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Observer } from '../../observe/observer.ts'
import type { ErasureProgress, ErasureReport } from '../../store/store.ts'
import { answerLongWork, LONG_WORK } from '../answer-long-work.ts'
import { type AuditTrail, hashRecipient } from '../audit-trail.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { ERASE_PARAMETERS, NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

export interface EraseRouteOptions {
  readonly work: {
    erase(recipient: string, onProgress: ErasureProgress): Promise<ErasureReport>
  }
  readonly audited: AuditTrail
  readonly observer: Pick<Observer, 'adminFailed' | 'erased'>
}

const count = z.number()
const ERASE = {
  summary: 'Removes a person from everything that is kept; may take long',
  query: NO_PARAMETERS,
  body: ERASE_PARAMETERS,
  answer: {
    json: z.object({
      erased: count.describe('All that was removed or changed.'),
      events: count,
      quarantined: count.describe('Unreadable pieces.'),
      errors: count.describe('Of jobs of other events: their text is gone.'),
      files: count.describe('Spools that were set aside.'),
      waiting: count.describe('Batches that could not be unpacked yet: to be erased again.'),
      wiped: z.boolean().describe('False: the bytes can still be found in the files.'),
    }),
    isLong: true,
  },
} satisfies RouteDescription

export function addEraseRoute(app: FastifyInstance, options: EraseRouteOptions): void {
  const { work, audited, observer } = options

  app.post(
    '/api/erase',
    { ...LONG_WORK, config: { description: ERASE } },
    async (request, reply) => {
      readParameters(ERASE.query, request.query)
      const { recipient } = readParameters(ERASE.body, request.body)
      return await answerLongWork({ request, reply, observer }, async (onProgress) => {
        const parameters = { recipient: await hashRecipient(recipient) }
        const report = await audited(
          { action: 'erase', address: request.ip, parameters },
          () => work.erase(recipient, (done, total) => onProgress({ done, total, unit: 'events' })),
          countErased,
        )
        observer.erased({ address: request.ip, ...report })
        return { ...countErased(report), wiped: report.isWiped }
      })
    },
  )
}

/** `erased` is all that was removed or changed. */
function countErased({ events, pieces, errors, files, waiting }: ErasureReport) {
  const erased = events + pieces + errors + files
  return { erased, events, quarantined: pieces, errors, files, waiting }
}

export type EraseJson = ReturnType<typeof countErased> & { readonly wiped: boolean }
