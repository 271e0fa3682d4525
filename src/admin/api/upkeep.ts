import * as z from 'zod'
import type { ErasureReport } from '../../store/store.ts'
import { answerLongWork, LONG_WORK } from '../answer-long-work.ts'
import { hashRecipient } from '../audit-trail.ts'
import type { AdminContext } from '../context.ts'
import { type AdminApp, answersInTheEnd } from '../openapi.ts'
import { ERASE_PARAMETERS } from '../parameters.ts'

const count = z.number()
const ERASE_JSON = z.object({
  erased: count.describe('All that was removed or changed.'),
  events: count,
  quarantined: count.describe('Unreadable pieces.'),
  errors: count.describe('Of jobs of other events: their text is gone.'),
  files: count.describe('Spools that were set aside.'),
  waiting: count.describe('Batches that could not be unpacked yet: to be erased again.'),
  wiped: z.boolean().describe('False: the bytes can still be found in the files.'),
})
export type EraseJson = z.output<typeof ERASE_JSON>

const ERASE = {
  summary: 'Removes a person from everything that is kept; may take long',
  body: ERASE_PARAMETERS,
  response: answersInTheEnd(ERASE_JSON),
}

const PRUNE = {
  summary: 'Forgets what is older than the settings say, now; may take long',
  response: answersInTheEnd(z.object({ pruned: count.describe('Rows.') })),
}

/** What people have removed. */
export function addUpkeepRoutes(app: AdminApp, { work, audited, observer }: AdminContext): void {
  app.post('/api/erase', { ...LONG_WORK, schema: ERASE }, async (request, reply) => {
    const { recipient } = request.body
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
  })

  app.post('/api/prune', { ...LONG_WORK, schema: PRUNE }, async (request, reply) => {
    return await answerLongWork({ request, reply, observer }, async (onProgress) => {
      const pruned = await audited(
        { action: 'prune', address: request.ip, parameters: {} },
        () => work.prune((done) => onProgress({ done, unit: 'rows' })),
        (rows) => ({ rows }),
      )
      observer.pruned({ rows: pruned })
      return { pruned }
    })
  })
}

function countErased({ events, pieces, errors, files, waiting }: ErasureReport) {
  const erased = events + pieces + errors + files
  return { erased, events, quarantined: pieces, errors, files, waiting }
}
