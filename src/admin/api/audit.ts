import * as z from 'zod'
import { AUDITED_ACTIONS } from '../../store/store.ts'
import { isoTime, TIME_JSON } from '../answer-parts.ts'
import type { AdminContext } from '../context.ts'
import type { AdminApp } from '../openapi.ts'
import { PAGE_PARAMETERS } from '../parameters.ts'

const AUDIT_JSON = z.object({
  id: z.string(),
  at: TIME_JSON,
  action: z.enum(AUDITED_ACTIONS),
  outcome: z.enum(['begun', 'done', 'failed']).describe('Each action has two entries.'),
  network: z.string().describe('Who asked: part of an address, or local.'),
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  counts: z.record(z.string(), z.number()),
})

export type AuditJson = z.output<typeof AUDIT_JSON>

const TRAIL_JSON = z.object({ audit: z.array(AUDIT_JSON), cursor: z.string().nullable() })
export type TrailJson = z.output<typeof TRAIL_JSON>

const LIST_AUDIT = {
  summary: 'The trail of what people had done, newest first; nothing is ever taken from it',
  querystring: PAGE_PARAMETERS,
  response: { 200: TRAIL_JSON },
}

export function addAuditRoute(app: AdminApp, { archive }: AdminContext): void {
  app.get('/api/audit', { schema: LIST_AUDIT }, async ({ query }) => {
    const { rows, cursor } = await archive.listAudit(query)
    const audit = rows.map(({ at, ...row }) => ({ ...row, at: isoTime(at) }))
    return { audit, cursor: cursor ?? null }
  })
}
