import * as z from 'zod'
import { PROVIDERS } from '../../providers/providers.ts'
import { Refusal } from '../answer-errors.ts'
import type { AdminContext, ConfiguredSource } from '../context.ts'
import type { AdminApp } from '../openapi.ts'
import { BACKFILL_PARAMETERS } from '../parameters.ts'

const FILL_JSON = z.object({
  source: z.string(),
  known: z.number().describe('These were here already.'),
  missing: z.number(),
  batch: z.string().nullable().describe('In which the missing ones were put in; null: none was.'),
})
export type FillJson = z.output<typeof FILL_JSON>

const FILL = {
  summary: 'Puts in what is missing of these events, as they would have come by webhook',
  body: BACKFILL_PARAMETERS,
  response: { 200: FILL_JSON },
}

/** 500 events with 1,000 bytes of custom variables each, and what JSON makes of them. */
const BODY_LIMIT = 4 * 1024 * 1024

export function addBackfillRoute(app: AdminApp, { sources, work, audited }: AdminContext): void {
  app.post('/api/backfill', { bodyLimit: BODY_LIMIT, schema: FILL }, async (request) => {
    const { from, to, events, source: asked, dry_run: isDry = false } = request.body
    const source = chooseSource(sources(), asked)
    const fill = () => work.fill({ source, span: { from, to }, events, isDry })
    const parameters = { source, from: iso(from), to: iso(to) }
    const { known, missing, batch } = isDry
      ? await fill()
      : await audited({ action: 'backfill', address: request.ip, parameters }, fill, (report) => ({
          known: report.known,
          events: report.missing,
        }))
    return { source, known, missing, batch: batch ?? null }
  })
}

const iso = (at: number): string => new Date(at).toISOString()

/** The one whose provider has a log, where there is one. */
function chooseSource(sources: readonly ConfiguredSource[], asked: string | undefined): string {
  const names = sources.flatMap(({ name, provider }) =>
    PROVIDERS[provider].backfillId ? [name] : [],
  )
  const [only] = names
  if (asked !== undefined && names.includes(asked)) return asked
  if (asked === undefined && only !== undefined && names.length === 1) return only
  const list = names.length === 0 ? 'there is none' : `give one of ${names.join(', ')}`
  throw new Refusal(400, 'unknown_source', `The events need a source of Mailtrap: ${list}.`)
}
