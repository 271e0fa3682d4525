import * as z from 'zod'
import { type LatencyFigures, RECENT_MINUTES } from '../../observe/figures.ts'
import type { Archive, SeriesPoint, SeriesQuery } from '../../store/store.ts'
import { isoTime, TIME_JSON } from '../answer-parts.ts'
import type { AdminContext } from '../context.ts'
import type { AdminApp } from '../openapi.ts'
import { oneOf } from '../parameters.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** What can be drawn: about as many bars each, and never more than a hundred. */
const SPANS = {
  '1h': { spanMs: HOUR_MS, bucketMs: MINUTE_MS },
  '6h': { spanMs: 6 * HOUR_MS, bucketMs: 5 * MINUTE_MS },
  '24h': { spanMs: DAY_MS, bucketMs: 15 * MINUTE_MS },
  '7d': { spanMs: 7 * DAY_MS, bucketMs: 2 * HOUR_MS },
  '30d': { spanMs: 30 * DAY_MS, bucketMs: 8 * HOUR_MS },
} as const
type Span = keyof typeof SPANS
const LONGEST: Span = '30d'

const SERIES_JSON = z.object({
  span: z.string(),
  from: TIME_JSON,
  to: TIME_JSON,
  bucket_seconds: z.number(),
  types: z.array(
    z.object({
      type: z.string(),
      total: z.number(),
      counts: z.array(z.number()).describe('One for each bucket, the oldest first.'),
    }),
  ),
})
export type SeriesJson = z.output<typeof SERIES_JSON>

const SERIES = {
  summary: 'Stored events by type over time, by their receipt',
  querystring: z.object({
    span: oneOf(Object.keys(SPANS) as Span[])
      .describe(
        'By default 24h: a shorter one that has all of it, a longer one where it has nothing.',
      )
      .exactOptional(),
  }),
  response: { 200: SERIES_JSON },
}

const MS = z.number().nullable()
const LATENCY_JSON = z.object({
  count: z.number(),
  p50_ms: MS,
  p95_ms: MS,
  p99_ms: MS,
  max_ms: MS,
})
const ACK_JSON = z.object({
  ...LATENCY_JSON.shape,
  from: TIME_JSON,
  bucket_seconds: z.number(),
  over_minutes: z.number(),
  minutes: z.array(LATENCY_JSON).describe('One for each minute, the oldest first.'),
})
export type AckJson = z.output<typeof ACK_JSON>

const ACK = {
  summary: 'How long acknowledging took in the last hour of this process',
  response: { 200: ACK_JSON },
}

const SOURCE_JSON = z.object({
  name: z.string(),
  provider: z.string().nullable().describe('Null for one that is not configured here.'),
  address: z.string().nullable().describe('Where this process takes what it sends.'),
  received: z.number().describe('Batches since this process began.'),
  last_batch_at: TIME_JSON,
})
export type SourceJson = z.output<typeof SOURCE_JSON>

const SOURCES_JSON = z.object({ sources: z.array(SOURCE_JSON) })
export type SourcesJson = z.output<typeof SOURCES_JSON>

const SOURCES = {
  summary: 'Sources, and when each sent its newest batch',
  response: { 200: SOURCES_JSON },
}

/** What the overview draws besides the totals. */
export function addOverviewRoutes(app: AdminApp, context: AdminContext): void {
  const { archive, observer, sources, now } = context

  app.get('/api/series', { schema: SERIES }, async ({ query: { span: wanted } }) => {
    const span = wanted ?? (await findSpan(archive, now()))
    const query = seriesOf(span, now())
    return seriesJson(span, query, await archive.countEvents(query))
  })

  app.get('/api/ack', { schema: ACK }, async () => {
    const { from, ack } = observer.recent()
    return {
      from: isoTime(from),
      bucket_seconds: 60,
      over_minutes: RECENT_MINUTES,
      ...latencyJson(ack.all),
      minutes: ack.minutes.map(latencyJson),
    }
  })

  app.get('/api/sources', { schema: SOURCES }, async () => {
    const last = new Map(Object.entries(await archive.lastBatches()))
    const received = new Map(Object.entries(observer.counts().received))
    const configured = new Map(sources().map((source) => [source.name, source]))
    const names = [...new Set([...configured.keys(), ...last.keys(), ...received.keys()])].sort()
    return {
      sources: names.map((name) => ({
        name,
        provider: configured.get(name)?.provider ?? null,
        address: configured.get(name)?.address ?? null,
        received: received.get(name) ?? 0,
        last_batch_at: isoTime(last.get(name)),
      })),
    }
  })
}

/** A day, but for one that is mostly or wholly empty. */
async function findSpan(archive: Pick<Archive, 'countEvents'>, now: number): Promise<Span> {
  const read = async (span: Span) => {
    const query = seriesOf(span, now)
    const points = await archive.countEvents(query)
    return points.map(({ bucket }) => query.from + bucket * query.bucketMs).filter((at) => at < now)
  }
  const has = (span: Span, at: number) => at >= seriesOf(span, now).from
  const ofDay = await read('24h')
  if (ofDay.length > 0) {
    const oldest = Math.min(...ofDay)
    return (['1h', '6h'] as const).find((span) => has(span, oldest)) ?? '24h'
  }
  const ofMonth = await read(LONGEST)
  if (ofMonth.length === 0) return '24h'
  return has('7d', Math.max(...ofMonth)) ? '7d' : LONGEST
}

/** Whole buckets; the last one has begun and goes on. */
function seriesOf(span: Span, now: number): SeriesQuery {
  const { spanMs, bucketMs } = SPANS[span]
  const to = Math.floor(now / bucketMs) * bucketMs + bucketMs
  return { from: to - spanMs, to, bucketMs }
}

/** One count for each bucket; the type with the most events first. */
function seriesJson(
  span: Span,
  { from, to, bucketMs }: SeriesQuery,
  points: readonly SeriesPoint[],
): SeriesJson {
  const counts = new Map<string, number[]>()
  for (const { bucket, type, n } of points) {
    const list = counts.get(type) ?? Array<number>(Math.round((to - from) / bucketMs)).fill(0)
    counts.set(type, list)
    if (bucket in list) list[bucket] = n
  }
  const types = [...counts].map(([type, list]) => ({
    type,
    total: list.reduce((sum, n) => sum + n, 0),
    counts: list,
  }))
  return {
    span,
    from: isoTime(from),
    to: isoTime(to),
    bucket_seconds: bucketMs / 1_000,
    types: types.sort((a, b) => b.total - a.total || (a.type < b.type ? -1 : 1)),
  }
}

function latencyJson({ count, p50, p95, p99, max }: LatencyFigures) {
  return {
    count,
    p50_ms: round(p50),
    p95_ms: round(p95),
    p99_ms: round(p99),
    max_ms: round(max),
  }
}

function round(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 100) / 100
}
