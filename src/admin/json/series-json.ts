import { z } from 'zod'
import type { SeriesPoint, SeriesQuery } from '../../store/store.ts'
import { isoTime } from './iso-time.ts'
import { TIME_JSON } from './time-schema.ts'

export const SERIES_JSON = z.object({
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

/** Stored events by type, one count for each bucket; the type with the most events first. */
export function seriesJson(
  span: string,
  query: SeriesQuery,
  points: readonly SeriesPoint[],
): z.output<typeof SERIES_JSON> {
  const { from, to, bucketMs } = query
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
