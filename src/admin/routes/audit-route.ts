import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { type Archive, AUDITED_ACTIONS, type AuditRow } from '../../store/store.ts'
import { isoTime } from '../json/iso-time.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { PAGE_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'

const AUDIT_JSON = z.object({
  id: z.string(),
  at: z.string().nullable(),
  action: z.enum(AUDITED_ACTIONS),
  outcome: z.enum(['begun', 'done', 'failed']).describe('Each action has two entries.'),
  network: z.string().describe('Who asked: part of an address, or local.'),
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  counts: z.record(z.string(), z.number()),
})

const LIST_AUDIT = {
  summary: 'The trail of what people had done, newest first; nothing is ever taken from it',
  query: PAGE_PARAMETERS,
  answer: { json: z.object({ audit: z.array(AUDIT_JSON), cursor: z.string().nullable() }) },
} satisfies RouteDescription

export function addAuditRoute(app: FastifyInstance, archive: Pick<Archive, 'listAudit'>): void {
  app.get('/api/audit', { config: { description: LIST_AUDIT } }, async (request) => {
    const page = readParameters(LIST_AUDIT.query, request.query)
    const { rows, cursor } = await archive.listAudit(page)
    return { audit: rows.map(auditJson), cursor: cursor ?? null }
  })
}

function auditJson({ at, ...row }: AuditRow): z.output<typeof AUDIT_JSON> {
  return { ...row, at: isoTime(at) }
}
