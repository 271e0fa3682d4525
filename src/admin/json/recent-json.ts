import { z } from 'zod'
import {
  type AttemptCounts,
  type LatencyFigures,
  RECENT_MINUTES,
  type RecentFigures,
} from '../../observe/observer.ts'
import { isoTime } from './iso-time.ts'
import { TIME_JSON } from './time-schema.ts'

const MS = z.number().nullable()

const LATENCY_JSON = z.object({
  count: z.number(),
  p50_ms: MS,
  p95_ms: MS,
  p99_ms: MS,
  max_ms: MS,
})

export const ACK_JSON = z.object({
  ...LATENCY_JSON.shape,
  from: TIME_JSON,
  bucket_seconds: z.number(),
  over_minutes: z.number(),
  minutes: z.array(LATENCY_JSON).describe('One for each minute, the oldest first.'),
})

export const ATTEMPTS_JSON = z.object({
  over_minutes: z.number(),
  done: z.number(),
  retry: z.number(),
  dead: z.number(),
  done_by_minute: z.array(z.number()),
  failed_by_minute: z.array(z.number()),
})

/** How long acknowledgements took in the last hour of this process. */
export function ackJson({ from, ack }: RecentFigures): z.output<typeof ACK_JSON> {
  return {
    from: isoTime(from),
    bucket_seconds: 60,
    over_minutes: RECENT_MINUTES,
    ...latencyJson(ack.all),
    minutes: ack.minutes.map(latencyJson),
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

/** Attempts of one handler in the last hour of this process. */
export function attemptsJson(
  minutes: readonly AttemptCounts[] = [],
): z.output<typeof ATTEMPTS_JSON> {
  const sum = (outcome: keyof AttemptCounts) =>
    minutes.reduce((total, counts) => total + counts[outcome], 0)
  return {
    over_minutes: RECENT_MINUTES,
    done: sum('done'),
    retry: sum('retry'),
    dead: sum('dead'),
    done_by_minute: minutes.map(({ done }) => done),
    failed_by_minute: minutes.map(({ retry, dead }) => retry + dead),
  }
}

function round(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 100) / 100
}
