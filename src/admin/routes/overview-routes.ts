import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ProviderName } from '../../model.ts'
import type { Observer } from '../../observe/observer.ts'
import type { Archive } from '../../store/store.ts'
import { isoTime } from '../json/iso-time.ts'
import { ACK_JSON, ackJson } from '../json/recent-json.ts'
import { SERIES_JSON, seriesJson } from '../json/series-json.ts'
import { TIME_JSON } from '../json/time-schema.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { NO_PARAMETERS, SERIES_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { seriesOf } from '../series-spans.ts'

export interface OverviewRoutesOptions {
  readonly archive: Pick<Archive, 'countEvents' | 'lastBatches'>
  readonly observer: Pick<Observer, 'counts' | 'recent'>
  readonly sources: () => readonly { readonly name: string; readonly provider: ProviderName }[]
  readonly now: () => number
}

const SERIES = {
  summary: 'Stored events by type over time, by their receipt',
  query: SERIES_PARAMETERS,
  answer: { json: SERIES_JSON },
} satisfies RouteDescription

const ACK = {
  summary: 'How long acknowledging took in the last hour of this process',
  query: NO_PARAMETERS,
  answer: { json: ACK_JSON },
} satisfies RouteDescription

const SOURCE_JSON = z.object({
  name: z.string(),
  provider: z.string().nullable().describe('Null for one that is not configured here.'),
  received: z.number().describe('Batches since this process began.'),
  last_batch_at: TIME_JSON,
})

const SOURCES = {
  summary: 'Sources, and when each sent its newest batch',
  query: NO_PARAMETERS,
  answer: { json: z.object({ sources: z.array(SOURCE_JSON) }) },
} satisfies RouteDescription

/** What the overview draws besides the totals. */
export function addOverviewRoutes(app: FastifyInstance, options: OverviewRoutesOptions): void {
  const { archive, observer, sources, now } = options

  app.get('/api/series', { config: { description: SERIES } }, async (request) => {
    const { span = '24h' } = readParameters(SERIES_PARAMETERS, request.query)
    const query = seriesOf(span, now())
    return seriesJson(span, query, await archive.countEvents(query))
  })

  app.get('/api/ack', { config: { description: ACK } }, async (request) => {
    readParameters(NO_PARAMETERS, request.query)
    return ackJson(observer.recent())
  })

  app.get('/api/sources', { config: { description: SOURCES } }, async (request) => {
    readParameters(NO_PARAMETERS, request.query)
    const last = new Map(Object.entries(await archive.lastBatches()))
    const received = new Map(Object.entries(observer.counts().received))
    const providers = new Map(sources().map(({ name, provider }) => [name, provider]))
    const names = [...new Set([...providers.keys(), ...last.keys(), ...received.keys()])].sort()
    return {
      sources: names.map((name) => ({
        name,
        provider: providers.get(name) ?? null,
        received: received.get(name) ?? 0,
        last_batch_at: isoTime(last.get(name)),
      })),
    }
  })
}
